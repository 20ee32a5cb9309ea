import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { pathOf, useAnswer } from './api.ts';
import { type Load, useModule } from './module.ts';
import { Answered, Badge, Completeness, Heading, Nothing, Time } from './parts.ts';
import { hrefOf, type Route } from './route.ts';
import { Numbers, type Standing, storyOf, useHistory } from './standing.ts';
import { alertTone, plain, plural, statusWords } from './words.ts';

interface Snapshot extends Standing {
  readonly order_id: string;
  readonly name: string;
  readonly advertiser: string;
  readonly mode: string;
  readonly campaigns: number;
  readonly campaigns_left_out: number;
  readonly evaluated_at: string;
  readonly completeness: string;
  readonly plan_number: number;
  readonly version: string;
}

interface OrderAlert {
  readonly alert_id: string;
  readonly group_id: string;
  readonly rule_id: string;
  readonly to_state: string;
  readonly level: string;
  readonly summary: string;
}

const loadCurve: Load = async () => (await import('./flight-curve.ts')).FlightCurve;
const loadTable: Load = async () => (await import('./snapshot-table.ts')).SnapshotTable;

/** Orders are paced by money, and what they have not is said as flights say it. */
function asShown(row: Snapshot): Snapshot {
  return { ...row, goal: 'MONEY', daily_cap_micros: null, ends_at: null };
}

export function Order({ org, args: [id] }: Route) {
  const orders = useAnswer<Snapshot[]>(pathOf(['organizations', org, 'orders']));
  const now = orders.answer?.data.find(({ order_id }) => order_id === id);
  const history = useHistory(['organizations', org, 'orders', id], now?.evaluated_at, asShown);
  return html`<${Heading} title=${now?.name || id}><a class="up" href=${hrefOf(org, 'orders')}>Orders</a><span class="dim">${id}</span><//>
    <${Answered} shown=${orders}>${() =>
      now === undefined
        ? html`<${Nothing} title="No such order">None of this name was looked at in the last 31 days.<//>`
        : html`<${Shown} org=${org} shown=${asShown(now)} history=${history} />`}<//>`;
}

interface ShownProps {
  readonly org: string;
  readonly shown: Snapshot;
  readonly history: readonly Snapshot[];
}

function Shown({ org, shown, history }: ShownProps) {
  const { order_id, status, advertiser, campaigns, campaigns_left_out, currency, mode, evaluated_at, as_of } = shown;
  const { tone, words } = statusWords(status);
  const leftOut =
    campaigns_left_out === 0 ? '' : `; ${plural(campaigns_left_out, 'campaign')} with other money left out`;
  return html`<p class="story"><${Badge} tone=${tone}>${words}<//> ${storyOf(shown)}</p>
    <p class="dim">${plural(campaigns, 'campaign')} with money in ${currency}${leftOut}${advertiser && `; of ${advertiser}`}; ${plain(mode.toLowerCase())}.</p>
    <${Numbers} shown=${shown} />
    <${Curve} known=${history} shown=${shown} />
    <${Alerts} org=${org} order=${order_id} />
    <section class="card"><h2>What stands behind it</h2>
      <ul class="plain-list"><${Completeness} text=${shown.completeness} at=${evaluated_at} />
        <li>Plan ${shown.plan_number}, row version <code>${shown.version}</code>, judged <${Time} at=${evaluated_at} detail="second" /> for <${Time} at=${as_of} detail="second" /></li></ul>
      <${Table} known=${history} /></section>`;
}

function Curve({ known, shown }: { known: readonly Snapshot[]; shown: Snapshot }) {
  const OrderCurve = useModule(loadCurve);
  if (known.length < 2) return html`<p class="dim">A curve takes two snapshots.</p>`;
  const label = `Spend of order ${shown.order_id} over time against its expectation. ${storyOf(shown)} The numbers follow in a table.`;
  return html`<section class="card chart-card"><h2>Spend against expectation <span class="unit">${shown.currency}</span></h2>
    ${OrderCurve && html`<${OrderCurve} known=${known} label=${label} end=${null} changes=${[]} />`}</section>`;
}

function Alerts({ org, order }: { org: string; order: string }) {
  const alerts = useAnswer<OrderAlert[]>(pathOf(['organizations', org, 'alerts'], { limit: '500' }), 4_000);
  return html`<section class="card"><h2>Open alerts</h2><${Answered} shown=${alerts}>${(data: OrderAlert[]) => {
    const own = data.filter(({ group_id }) => group_id === order);
    if (own.length === 0)
      return html`<p class="dim">None is open now. Rules of scope <code>order</code> judge orders; those of their campaigns stand with their flights.</p>`;
    return html`<ul class="plain-list">${own.map(
      ({ alert_id, rule_id, to_state, level, summary }) => html`<li key=${alert_id}>
      <${Badge} tone=${alertTone(to_state, level)}>${level === 'none' ? plain(to_state) : plain(level)}<//>
      <a href=${hrefOf(org, 'alerts', [alert_id])}>${rule_id}</a> <span>${summary}</span></li>`,
    )}</ul>`;
  }}<//></section>`;
}

/** The table is fetched when somebody opens it. */
function Table({ known }: { known: readonly Snapshot[] }) {
  const [load, setLoad] = useState<Load | null>(null);
  const Snapshots = useModule(load);
  return html`<details onToggle=${() => setLoad(() => loadTable)}><summary>The numbers behind it: ${plural(known.length, 'snapshot')}, the newest first</summary>
    ${Snapshots && html`<${Snapshots} known=${known} />`}</details>`;
}
