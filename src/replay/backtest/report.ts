import { Temporal } from 'temporal-polyfill';
import { hourMs, minuteMs } from '../../model/time.ts';
import { alertsPerCampaignWeek, type Change, type Comparison, eitherOf } from './compare.ts';
import type { Episode, Period, Verdict } from './verdict.ts';

/** A backtest as programs read it; instants as ISO 8601, durations in minutes. */
export function backtestJson(comparison: Comparison, period: Period): Record<string, unknown> {
  const { inForce, candidate, changes, rules } = comparison;
  return {
    from: isoText(period.fromMs),
    to: isoText(period.toMs),
    in_force: verdictJson(inForce),
    candidate: verdictJson(candidate),
    rules: rules.map(({ inForce: now, candidate: then, beforeGoneMs, rule, same, moved, came, gone }) => {
      return {
        rule,
        in_force: now,
        candidate: then,
        same,
        moved,
        came,
        gone,
        before_gone_minutes: minutes(beforeGoneMs),
      };
    }),
    changes: changes.map((change) => {
      const { org, rule, campaign, flight, source, mode } = eitherOf(change);
      const subject = { org_id: org, rule_id: rule, campaign_id: campaign, flight_id: flight, source, mode };
      const sides = { in_force: episodeJson(change.inForce), candidate: episodeJson(change.candidate) };
      return { kind: change.kind, ...subject, ...sides };
    }),
  };
}

function verdictJson(verdict: Verdict): Record<string, unknown> {
  const { episodes, campaignDays, goneFlights, foretoldFlights } = verdict;
  return {
    alerts: episodes.length,
    critical_alerts: episodes.filter(({ level }) => level === 'critical').length,
    campaign_weeks: campaignDays / 7,
    alerts_per_campaign_week: alertsPerCampaignWeek(verdict),
    flights_out_of_money: goneFlights,
    of_these_foretold: foretoldFlights,
  };
}

function episodeJson(episode: Episode | null): Record<string, unknown> | null {
  if (episode === null) return null;
  const { startMs, endMs, level, summary, beforeGoneMs } = episode;
  const end = endMs === null ? null : isoText(endMs);
  return { start: isoText(startMs), end, level, summary, before_gone_minutes: minutes(beforeGoneMs) };
}

function minutes(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms / minuteMs);
}

export interface ReportLine {
  readonly text: string;
  readonly kind: 'plain' | 'head' | 'came' | 'gone';
}

/** The rules as a table, and what would be another. */
export function backtestLines(comparison: Comparison, period: Period, changesMax: number): ReportLine[] {
  const { inForce, candidate, rules, changes } = comparison;
  const width = Math.max(4, ...rules.map(({ rule }) => rule.length));
  const heads = ['in force', 'candidate', 'came', 'gone', 'moved', 'before the money was gone'];
  const plain = (text: string): ReportLine => ({ text, kind: 'plain' });
  const cells = rules.map((rule) => {
    const lead = rule.beforeGoneMs === null ? '' : durationText(rule.beforeGoneMs);
    return [rule.inForce, rule.candidate, rule.came, rule.gone, rule.moved, lead].map(String);
  });
  const row = (name: string, all: readonly string[]) =>
    `${name.padEnd(width)}  ${all.map((cell, at) => cell.padStart(heads[at].length)).join('  ')}`.trimEnd();
  const other = changes.filter(({ kind }) => kind !== 'same');
  const shown = other.slice(0, changesMax);
  return [
    plain(
      `from ${isoText(period.fromMs)} to ${isoText(period.toMs)}, ${(candidate.campaignDays / 7).toFixed(1)} campaign-weeks`,
    ),
    plain(''),
    { text: row('rule', heads), kind: 'head' },
    ...rules.map(({ rule }, at) => plain(row(rule, cells[at]))),
    plain(
      row(
        'all',
        [
          inForce.episodes.length,
          candidate.episodes.length,
          ...(['came', 'gone', 'moved'] as const).map((kind) => other.filter((change) => change.kind === kind).length),
        ].map(String),
      ),
    ),
    plain(''),
    plain(
      `alerts a campaign-week   ${alertsPerCampaignWeek(inForce).toFixed(3)} in force, ${alertsPerCampaignWeek(candidate).toFixed(3)} candidate`,
    ),
    plain(
      `flights out of money     ${candidate.goneFlights}; an alert came before in ${inForce.foretoldFlights} in force, ${candidate.foretoldFlights} candidate`,
    ),
    ...(shown.length === 0 ? [] : [plain('')]),
    ...shown.map(changeLine),
    ...(other.length > shown.length
      ? [plain(`and ${other.length - shown.length} more; --json and --html have all`)]
      : []),
  ];
}

function changeLine(change: Change): ReportLine {
  const { inForce, candidate } = change;
  const who = subjectText(eitherOf(change));
  if (candidate === null) return { text: `gone   ${spanText(inForce as Episode)}  ${who}`, kind: 'gone' };
  if (inForce === null) return { text: `came   ${spanText(candidate)}  ${who}: ${candidate.summary}`, kind: 'came' };
  const shift = candidate.startMs - inForce.startMs;
  const when = shift === 0 ? '' : ` ${durationText(Math.abs(shift))} ${shift < 0 ? 'sooner' : 'later'}`;
  const level = candidate.level === inForce.level ? '' : ` ${inForce.level} → ${candidate.level}`;
  return { text: `moved  ${spanText(candidate)}  ${who}:${when}${level}`, kind: 'plain' };
}

/** Whom an alert is about. */
export function subjectText({ org, rule, campaign, flight, source }: Episode): string {
  return [rule, org, campaign, flight, source].filter((name) => name !== '').join(' ');
}

function spanText({ startMs, level }: Episode): string {
  return `${isoText(startMs).slice(0, 16).replace('T', ' ')}  ${level.padEnd(8)}`;
}

export function durationText(ms: number): string {
  const hours = Math.floor(ms / hourMs);
  const rest = Math.round((ms % hourMs) / minuteMs);
  return hours === 0 ? `${rest}m` : `${hours}h${rest === 0 ? '' : `${String(rest).padStart(2, '0')}m`}`;
}

export function isoText(ms: number): string {
  return `${Temporal.Instant.fromEpochMilliseconds(Math.round(ms)).toString().slice(0, 19).replace(/Z$/, '')}Z`;
}
