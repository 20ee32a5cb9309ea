import { html } from 'htm/preact';
import { useMemo, useState } from 'preact/hooks';
import { pathOf, useAnswer } from './api.ts';
import { datesOf } from './dates.ts';
import { asShown, isMoney } from './goals.ts';
import { useModule } from './module.ts';
import { Answered, Badge, Completeness, Heading, Time } from './parts.ts';
import { goQuery, hrefOf, type Route } from './route.ts';
import { Numbers, type Standing, storyOf, useHistory } from './standing.ts';
import { alertTone, money, plain, statusWords, time, toMs } from './words.ts';

/** The amounts are of what it is paced by (`asShown`). */
interface Snapshot extends Standing {
  readonly evaluated_at: string;
  readonly mode: string;
  readonly goal_total: string | null;
  readonly limit_micros: string | null;
  readonly limit_reached_at: string | null;
  readonly starts_at: string | null;
  readonly time_zone: string;
  readonly advertiser: string;
  readonly completeness: string;
  readonly ledger_version: number;
  readonly plan_number: number;
  readonly version: string;
}

interface FlightAlert {
  readonly alert_id: string;
  readonly flight_id: string;
  readonly rule_id: string;
  readonly to_state: string;
  readonly level: string;
  readonly summary: string;
}

/** What takes its time to draw comes after what is read first. */
const loadCurve = async () => (await import('./flight-curve.ts')).FlightCurve;
const loadTable = async () => (await import('./snapshot-table.ts')).SnapshotTable;
const loadCost = async () => (await import('./goal-cost.ts')).GoalCost;

/** What a goal that is no money costs. */
function Cost({ told }: { told: Snapshot }) {
  const GoalCost = useModule(loadCost);
  return GoalCost && html`<${GoalCost} told=${told} />`;
}

export function Flight({ org, args: [campaign, flight], query }: Route) {
  const at = query.get('at') ?? '';
  const path = ['organizations', org, 'campaigns', campaign, 'flights', flight];
  const now = useAnswer<Snapshot>(pathOf(path));
  const then = useAnswer<Snapshot>(at === '' ? null : pathOf(path, { known_at: at }), 0);
  const history = useHistory(path, now.answer?.data.evaluated_at, asShown<Snapshot>);
  const known = useMemo(
    () => (at === '' ? history : history.filter(({ evaluated_at }) => toMs(evaluated_at) <= toMs(at))),
    [history, at],
  );
  return html`<${Heading} title=${campaign}><a class="up" href=${hrefOf(org, 'board')}>Board</a><span class="dim">${flight}</span><//>
    <${Answered} shown=${at === '' ? now : then}>${(told: Snapshot) => {
      const shown = asShown(told);
      return html`
      <p class="story"><${Badge} tone=${statusWords(shown.status).tone}>${statusWords(shown.status).words}<//> ${storyOf(shown)}</p>
      <${Dates} shown=${shown} />
      <${KnownAt} history=${history} at=${at} shown=${shown} />
      <${Numbers} shown=${shown} />
      ${isMoney(told) ? null : html`<${Cost} told=${told} />`}
      <${Curve} known=${known} shown=${shown} campaign=${campaign} />
      <${Alerts} org=${org} campaign=${campaign} flight=${flight} />
      <${Changes} known=${known} />
      <${Behind} shown=${shown} known=${known} />`;
    }}<//>`;
}

/** When it runs, by its own clocks, and whose it is. */
function Dates({ shown }: { shown: Snapshot }) {
  const dates = datesOf(shown);
  const whose = shown.advertiser === '' ? '' : `, of ${shown.advertiser}`;
  return dates === ''
    ? null
    : html`<p class="dim">${dates} in ${shown.time_zone}${whose}; ${plain(shown.mode.toLowerCase())}.</p>`;
}

/** Walks back through what was known: each step is a snapshot, the last one is now. */
function KnownAt({ history, at, shown }: { history: readonly Snapshot[]; at: string; shown: Snapshot }) {
  const last = history.length - 1;
  const found = at === '' ? last : history.findLastIndex(({ evaluated_at }) => toMs(evaluated_at) <= toMs(at));
  const move = (to: number): void => goQuery({ at: to >= last ? '' : (history[Math.max(0, to)]?.evaluated_at ?? '') });
  const onInput = (event: Event): void => move(Number((event.target as HTMLInputElement).value));
  return html`<div class="known"><label for="known">As known at <b><${Time} at=${shown.evaluated_at} /></b></label>
    <input id="known" type="range" min="0" max=${Math.max(0, last)} value=${Math.max(0, found)} onInput=${onInput}
      aria-valuetext=${time(shown.evaluated_at)} disabled=${last < 1} />
    <button type="button" class="chip" onClick=${() => goQuery({ at: '' })} aria-pressed=${at === ''}>Now</button></div>`;
}

function Curve({ known, shown, campaign }: { known: readonly Snapshot[]; shown: Snapshot; campaign: string }) {
  const FlightCurve = useModule(loadCurve);
  if (known.length < 2) return html`<p class="dim">A curve takes two snapshots.</p>`;
  const what = isMoney(shown) ? 'Spend' : 'What was reached';
  const label = `${what} of ${campaign} over time against its expectation. ${storyOf(shown)} The numbers follow in a table.`;
  return html`<section class="card chart-card"><h2>${what} against expectation <span class="unit">${shown.currency}</span></h2>
    ${FlightCurve && html`<${FlightCurve} known=${known} label=${label} end=${shown.ends_at === null ? null : toMs(shown.ends_at)} changes=${changesOf(known).map(({ at }) => at)} />`}</section>`;
}

interface Change {
  readonly at: number;
  readonly words: string;
}

/** What people changed, as the snapshots after it tell. */
function changesOf(known: readonly Snapshot[]): Change[] {
  return known.flatMap((each, index) => {
    const before = known[index - 1];
    if (before === undefined) return [];
    if (before.ledger_version === each.ledger_version && before.budget_micros === each.budget_micros) return [];
    const moved = (name: string, of: 'budget_micros' | 'daily_cap_micros') =>
      before[of] === each[of] ? [] : `${name} ${money(before[of])} → ${money(each[of])} ${each.currency}`;
    const words = [
      moved(isMoney(each) ? 'Budget' : 'Goal', 'budget_micros'),
      moved('daily cap', 'daily_cap_micros'),
      before.mode === each.mode ? [] : `mode ${before.mode} → ${each.mode}`,
    ].flat();
    return [{ at: toMs(each.as_of), words: words.join(', ') || 'Dates, curve or status' }];
  });
}

function Changes({ known }: { known: readonly Snapshot[] }) {
  const changes = changesOf(known).reverse();
  return html`<section class="card"><h2>Changes</h2>${
    changes.length === 0
      ? html`<p class="dim">Nobody changed it in that time.</p>`
      : html`<ul class="plain-list">${changes.map((change) => html`<li><${Time} at=${change.at} /> <b>${change.words}</b></li>`)}</ul>`
  }</section>`;
}

function Alerts({ org, campaign, flight }: { org: string; campaign: string; flight: string }) {
  const alerts = useAnswer<FlightAlert[]>(
    pathOf(['organizations', org, 'alerts'], { campaign_id: campaign, limit: '100' }),
    4_000,
  );
  return html`<section class="card"><h2>Open alerts</h2><${Answered} shown=${alerts}>${(data: FlightAlert[]) => {
    const own = data.filter(({ flight_id }) => flight_id === flight || flight_id === '');
    if (own.length === 0) return html`<p class="dim">None is open now.</p>`;
    return html`<ul class="plain-list">${own.map(
      ({ alert_id, rule_id, to_state, level, summary }) => html`<li key=${alert_id}>
      <${Badge} tone=${alertTone(to_state, level)}>${level === 'none' ? plain(to_state) : plain(level)}<//>
      <a href=${hrefOf(org, 'alerts', [alert_id])}>${rule_id}</a> <span>${summary}</span></li>`,
    )}</ul>`;
  }}<//></section>`;
}

/** The table is fetched when somebody opens it. */
function Table({ known }: { known: readonly Snapshot[] }) {
  const [load, setLoad] = useState<typeof loadTable | null>(null);
  const Snapshots = useModule(load);
  return html`<details onToggle=${() => setLoad(() => loadTable)}><summary>The numbers behind it: ${known.length} snapshots, the newest first</summary>
    ${Snapshots && html`<${Snapshots} known=${known} />`}</details>`;
}

function Behind({ shown, known }: { shown: Snapshot; known: readonly Snapshot[] }) {
  return html`<section class="card"><h2>What stands behind it</h2>
    <ul class="plain-list"><${Completeness} text=${shown.completeness} at=${shown.evaluated_at} />
      <li>Plan ${shown.plan_number}, row version <code>${shown.version}</code>, judged <${Time} at=${shown.evaluated_at} detail="second" /> for <${Time} at=${shown.as_of} detail="second" /></li></ul>
    <${Table} known=${known} /></section>`;
}
