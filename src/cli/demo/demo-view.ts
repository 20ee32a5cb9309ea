import type { Style } from '../terminal.ts';

/** One campaign as the view shows it. */
export interface CampaignLine {
  readonly campaign: string;
  readonly status: string;
  /** Spend over budget, 0 to 1 and beyond. */
  readonly spentRatio: number;
  /** Where the flight should be by now, 0 to 1; null when there is no expectation. */
  readonly expectedRatio: number | null;
  /** On-schedule indicator, %; null when unknown. */
  readonly osiPct: number | null;
}

export interface AlertLine {
  /** Log time, ms. */
  readonly atMs: number;
  readonly state: string;
  readonly level: string;
  readonly rule: string;
  readonly subject: string;
  readonly summary: string;
}

/** Everything a frame shows; plain data, so that a frame can be tested. */
export interface DemoModel {
  readonly title: string;
  /** Clock of the simulated world, log time ms; null before the first record. */
  readonly clockMs: number | null;
  readonly elapsedS: number;
  readonly records: number;
  readonly recordsPerSecond: number;
  readonly deadLetters: number;
  readonly campaigns: readonly CampaignLine[];
  /** Newest last. */
  readonly alerts: readonly AlertLine[];
  /** Where the same can be seen in a browser; null = nowhere. */
  readonly link: string | null;
  readonly hint: string;
}

type Paint = (style: Style, text: string) => string;

const barWidth = 30;
const alertsShown = 8;

/** A whole frame as lines, none wider than `columns`. */
export function renderFrame(model: DemoModel, columns: number, paint: Paint): string[] {
  const clock = model.clockMs === null ? 'waiting for the first event' : formatInstant(model.clockMs);
  const rate = `${formatCount(model.recordsPerSecond)}/s`;
  const lines = [
    paint('bold', clip(`${model.title}   ${clock}`, columns)),
    paint(
      'dim',
      clip(
        `${formatCount(model.records)} records  ${rate}  ${formatCount(model.deadLetters)} dead letters  ${Math.floor(model.elapsedS)} s`,
        columns,
      ),
    ),
    '',
    paint(
      'dim',
      clip(`${'campaign'.padEnd(18)} ${'spent'.padEnd(barWidth + 2)} ${'OSI'.padStart(6)}  status`, columns),
    ),
    ...model.campaigns.map((line) => campaignLine(line, columns, paint)),
    '',
    paint('dim', 'alerts'),
  ];
  const shown = foldUnknown(model.alerts).slice(-alertsShown);
  if (shown.length === 0) lines.push(paint('dim', '  none yet'));
  for (const alert of shown) lines.push(paint(alertStyle(alert), clip(`  ${alertText(alert)}`, columns)));
  lines.push('');
  if (model.link !== null) lines.push(paint('bold', linkWithin(model.link, columns)));
  lines.push(paint('dim', clip(model.hint, columns)));
  return lines;
}

/** Half a token opens nothing; without it the page asks for one. */
function linkWithin(link: string, columns: number): string {
  return link.length <= columns ? link : clip(link.replace(/#.*/, ''), columns);
}

/**
 * When a source goes silent, all rules of a flight say so at once; that is one piece of news, not
 * seven. Neighbours of state no_data about the same subject become one line.
 */
export function foldUnknown(alerts: readonly AlertLine[]): AlertLine[] {
  const folded: AlertLine[] = [];
  const counts = new Map<string, { at: number; rules: number }>();
  for (const alert of alerts) {
    const key = `${alert.subject} ${Math.floor(alert.atMs / foldMs)}`;
    const before = alert.state === 'no_data' ? counts.get(key) : undefined;
    if (before === undefined) {
      if (alert.state === 'no_data') counts.set(key, { at: folded.length, rules: 1 });
      folded.push(alert);
      continue;
    }
    before.rules += 1;
    folded[before.at] = {
      ...folded[before.at],
      rule: `${before.rules} rules`,
      summary: 'unknown, not zero: a source of it is silent',
    };
  }
  return folded;
}

const foldMs = 600_000;

/** One alert as one line: for frames and for plain output. */
export function alertText(alert: AlertLine): string {
  const level = alert.level === 'none' ? '' : ` ${alert.level}`;
  return `${formatInstant(alert.atMs)}  ${`${alert.state}${level}`.padEnd(17)} ${alert.subject}  ${alert.rule}: ${alert.summary}`;
}

export function alertStyle(alert: AlertLine): Style {
  if (alert.state === 'resolved' || alert.state === 'ok') return 'green';
  if (alert.state === 'firing') return alert.level === 'critical' ? 'red' : 'yellow';
  return 'dim';
}

function campaignLine(line: CampaignLine, columns: number, paint: Paint): string {
  const osi = line.osiPct === null ? '-' : `${line.osiPct.toFixed(0)} %`;
  const name = line.campaign.slice(0, 18).padEnd(18);
  const text = clip(`${name} ${pacingBar(line)} ${osi.padStart(6)}  ${line.status}`, columns);
  return paint(statusStyle(line.status), text);
}

const statusStyles: Readonly<Record<string, Style>> = {
  on_track: 'green',
  ended_full: 'green',
  behind: 'yellow',
  ahead: 'yellow',
  capped_today: 'yellow',
  stale_data: 'yellow',
  severely_behind: 'red',
  exhausted: 'red',
  overspent_after_cut: 'red',
  ended_over: 'red',
  ended_under: 'red',
};

function statusStyle(status: string): Style {
  return statusStyles[status] ?? 'dim';
}

/** `[#####|....]`: filled = spent, `|` = where it should be. */
function pacingBar({ spentRatio, expectedRatio }: Pick<CampaignLine, 'spentRatio' | 'expectedRatio'>): string {
  const filled = cell(spentRatio, barWidth);
  const cells: string[] = Array.from({ length: barWidth }, (_, at) => (at < filled ? '#' : '.'));
  if (expectedRatio !== null) cells[Math.min(barWidth - 1, cell(expectedRatio, barWidth))] = '|';
  return `[${cells.join('')}]`;
}

function cell(ratio: number, width: number): number {
  return Math.max(0, Math.min(width, Math.round(ratio * width)));
}

export function formatInstant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}

export function formatCount(count: number): string {
  if (count < 10_000) return String(Math.round(count));
  return count < 10_000_000 ? `${(count / 1_000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}

function clip(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}~`;
}
