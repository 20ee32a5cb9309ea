import { html } from 'htm/preact';
import { useRef } from 'preact/hooks';
import { pathOf, useAnswer, useSeen } from './api.ts';
import { useRowKeys } from './keys.ts';
import { Answered, Badge, Heading, Nothing, Time } from './parts.ts';
import { hrefOf, type Route } from './route.ts';
import { subjectOf } from './subject.ts';
import { alertTone, plain, plural, span, time, toMs } from './words.ts';

interface Transition {
  readonly alert_id: string;
  readonly fingerprint: string;
  readonly rule_id: string;
  readonly campaign_id: string;
  readonly flight_id: string;
  readonly source: string;
  readonly group_id: string;
  readonly advertiser: string;
  readonly mode: string;
  readonly from_state: string;
  readonly to_state: string;
  readonly level: string;
  readonly evaluated_at: string;
  readonly active_since: string | null;
  readonly summary: string;
}

const dayMs = 86_400_000;
const stepMs = 3_600_000;
const shownDays = 7;

export function Alerts({ org }: Route) {
  const open = useAnswer<Transition[]>(pathOf(['organizations', org, 'alerts'], { limit: '200' }));
  const now = useSeen();
  return html`<${Heading} title="Alerts"><a href=${hrefOf(org, 'alerts', ['why-not'])}>Why did one not come?</a><//>
    <${Answered} shown=${open}>${(data: Transition[]) => html`<${Open} org=${org} alerts=${data} now=${now} />`}<//>
    ${now === 0 ? null : html`<${History} org=${org} now=${now} />`}`;
}

function wordsOf({ to_state, level }: Transition): string {
  return to_state === 'firing' ? plain(level) : plain(to_state);
}

function Open({ org, alerts, now }: { org: string; alerts: readonly Transition[]; now: number }) {
  const list = useRef<HTMLElement>(null);
  useRowKeys(list);
  if (alerts.length === 0)
    return html`<${Nothing} title="No alert is open">What was open in the last days stands below.<//>`;
  return html`<div ref=${list}><table class="grid alerts"><caption class="hidden">Open alerts, critical ones first, then the newest</caption>
    <thead><tr><th scope="col">Alert</th><th scope="col">State</th><th scope="col">What it says</th><th scope="col" class="number">Open for</th></tr></thead>
    <tbody>${alerts.map((alert) => {
      const since = alert.active_since ?? alert.evaluated_at;
      return html`<tr key=${alert.fingerprint}><th scope="row"><a data-row=${alert.fingerprint} href=${hrefOf(org, 'alerts', [alert.alert_id])}>${alert.rule_id}</a>
        <span class="under">${subjectOf(alert)}${alert.mode === 'shadow' ? ' · shadow' : ''}</span></th>
        <td><${Badge} tone=${alertTone(alert.to_state, alert.level)}>${wordsOf(alert)}<//></td>
        <td>${alert.summary}</td>
        <td class="number"><span title=${time(since)}>${span(now - toMs(since))}</span></td></tr>`;
    })}</tbody></table></div>`;
}

function History({ org, now }: { org: string; now: number }) {
  const to = (Math.floor(now / stepMs) + 1) * stepMs;
  const from = to - shownDays * dayMs;
  const members = { limit: '500', from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  const transitions = useAnswer<Transition[]>(pathOf(['organizations', org, 'transitions'], members), 4_000);
  const kept = useRef(transitions);
  if (transitions.answer !== null || transitions.problem !== null) kept.current = transitions;
  return html`<section class="card"><h2>The last ${shownDays} days</h2>
    <${Answered} shown=${kept.current}>${(data: Transition[]) =>
      data.length === 0
        ? html`<p class="dim">Nothing changed its state.</p>`
        : html`<${Bands} transitions=${data} from=${from} to=${to} now=${now} />
          <details><summary>The changes behind the bands: ${plural(data.length, 'transition')}, the newest first</summary><${Table} org=${org} transitions=${data} /></details>`}<//></section>`;
}

interface Band {
  readonly from: number;
  readonly to: number;
  readonly state: string;
  readonly level: string;
}

/** The states of one alert as stretches of time; what it was before its first change in the period is known from that. */
function bandsOf(newestFirst: readonly Transition[], from: number, now: number): Band[] {
  const changes = newestFirst.toReversed();
  const bands = changes.map((change, at) => ({
    from: toMs(change.evaluated_at),
    to: at + 1 < changes.length ? toMs(changes[at + 1].evaluated_at) : now,
    state: change.to_state,
    level: change.level,
  }));
  return [{ from, to: bands[0].from, state: changes[0].from_state, level: 'warning' }, ...bands];
}

interface BandsProps {
  readonly transitions: readonly Transition[];
  readonly from: number;
  readonly to: number;
  readonly now: number;
}

function Bands({ transitions, from, to, now }: BandsProps) {
  const alerts = Map.groupBy(transitions, ({ fingerprint }) => fingerprint);
  const share = (ms: number): string => `${((ms - from) / (to - from)) * 100}%`;
  const days = Array.from({ length: shownDays }, (_, day) => from + day * dayMs);
  return html`<div class="bands">
    <div class="band-row axis" aria-hidden="true"><span></span><span class="band">${days.map((day) => html`<span class="day" style=${{ left: share(day) }}>${time(day, 'day').replace(/ \d{4}$/, '')}</span>`)}</span></div>
    ${[...alerts].map(([fingerprint, own]) => {
      const bands = bandsOf(own, from, now).filter(({ state }) => state !== 'ok' && state !== 'resolved');
      const words = bands.map((band) => `${plain(band.state)} from ${time(band.from)} to ${time(band.to)}`).join('; ');
      return html`<div class="band-row" key=${fingerprint}>
        <span class="name"><b>${own[0].rule_id}</b> <span class="dim">${subjectOf(own[0])}</span></span>
        <span class="band" role="img" aria-label=${`${own[0].rule_id} of ${subjectOf(own[0])}: ${words || 'never open'}`}>${bands.map(
          (
            band,
          ) => html`<span class=${`stretch ${alertTone(band.state, band.level)}`} title=${`${plain(band.state)}, ${time(band.from)} to ${time(band.to)}`}
            style=${{ left: share(band.from), width: `${((band.to - band.from) / (to - from)) * 100}%` }}></span>`,
        )}</span></div>`;
    })}
    <p class="legend"><${Badge} tone="bad">Critical<//> <${Badge} tone="warn">Warning<//> <${Badge} tone="unknown">No data or error<//> <${Badge} tone="idle">Pending or recovering<//></p>
  </div>`;
}

function Table({ org, transitions }: { org: string; transitions: readonly Transition[] }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Transitions"><table class="grid">
    <thead><tr><th scope="col">When</th><th scope="col">Alert</th><th scope="col">From</th><th scope="col">To</th><th scope="col">What it says</th></tr></thead>
    <tbody>${transitions.map(
      (each) => html`<tr key=${each.alert_id}><td><${Time} at=${each.evaluated_at} /></td>
      <th scope="row"><a href=${hrefOf(org, 'alerts', [each.alert_id])}>${each.rule_id}</a><span class="under">${subjectOf(each)}</span></th>
      <td>${plain(each.from_state)}</td><td><${Badge} tone=${alertTone(each.to_state, each.level)}>${wordsOf(each)}<//></td><td>${each.summary}</td></tr>`,
    )}</tbody></table></div>`;
}
