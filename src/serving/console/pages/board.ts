import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { pathOf, useAnswer } from './api.ts';
import { datesOf } from './dates.ts';
import { asShown } from './goals.ts';
import { useRowKeys } from './keys.ts';
import { Answered, Badge, Heading, Money, Nothing, SpendBar, Stat } from './parts.ts';
import { goQuery, hrefOf, type Route } from './route.ts';
import { percent, plural, statusWords, units } from './words.ts';

interface Flight {
  readonly campaign_id: string;
  readonly flight_id: string;
  readonly status: string;
  readonly currency: string;
  readonly goal: string;
  readonly goal_total: string | null;
  readonly budget_micros: string;
  readonly spend_micros: string | null;
  readonly expected_micros: string | null;
  readonly projected_micros: string | null;
  readonly at_risk_micros: string | null;
  readonly osi_bp: number | null;
  readonly day_target_micros: string | null;
  readonly day_spend_micros: string | null;
  readonly starts_at: string | null;
  readonly ends_at: string | null;
  readonly time_zone: string;
  readonly advertiser: string;
}

interface Summary {
  readonly status: string;
  readonly currency: string;
  readonly flights: number;
  readonly money_at_risk_micros: string;
  readonly at_risk_micros: string;
}

interface OpenAlert {
  readonly campaign_id: string;
  readonly flight_id: string;
  readonly state: string;
  readonly level: string;
}

/** The API's order from the worst to the best, as people speak of it. */
const groups: readonly { readonly title: string; readonly statuses: readonly string[] }[] = [
  {
    title: 'Needs you now',
    statuses: ['severely_behind', 'overspent_after_cut', 'blocked', 'exhausted', 'stale_data'],
  },
  { title: 'Off its pace', statuses: ['behind', 'ahead'] },
  { title: 'On its way', statuses: ['capped_today', 'warming_up', 'on_track', 'not_started', 'paused'] },
  { title: 'Ended', statuses: ['ended_under', 'ended_over', 'ended_full'] },
];

const flightsMax = 500;

export function Board({ org, query }: Route) {
  const status = query.get('status') ?? '';
  const summaries = useAnswer<Summary[]>(pathOf(['organizations', org, 'flight-summaries']));
  const total = (summaries.answer?.data ?? []).reduce((sum, each) => sum + each.flights, 0);
  // What one answer holds is chosen from here; only more than that is asked for by status.
  const asked = total > flightsMax ? status : '';
  const flights = useAnswer<Flight[]>(
    pathOf(['organizations', org, 'flights'], { limit: String(flightsMax), status: asked }),
  );
  const alerts = useAnswer<OpenAlert[]>(pathOf(['organizations', org, 'alerts'], { limit: '500' }), 4_000);
  const all = summaries.answer?.data ?? [];
  const open = alerts.answer?.data ?? [];
  const bells = bellsOf(open);
  const urgent = all
    .filter((each) => groups[0].statuses.includes(each.status))
    .reduce((sum, each) => sum + each.flights, 0);
  const alarmed = (flights.answer?.data ?? []).filter(
    (each) => groupOf(each, bells) === 0 && !groups[0].statuses.includes(each.status),
  );
  return html`<${Heading} title="Board" />
    <${Numbers} org=${org} summaries=${all} alerts=${open} urgent=${urgent + alarmed.length} isKnown=${summaries.answer !== null} />
    <${Chips} summaries=${all} chosen=${status} />
    <${Answered} shown=${flights}>${(data: Flight[]) =>
      html`<${Flights} org=${org} flights=${data} bells=${bells} status=${status} filter=${query.get('q') ?? ''} />
        ${flights.answer?.next_cursor === null ? null : html`<p class="dim">These are the ${data.length} worst; choose a status to see others.</p>`}`}<//>`;
}

/** Open alerts of a flight. */
interface Bell {
  readonly alerts: number;
  readonly isCritical: boolean;
}

type Bells = ReadonlyMap<string, Bell>;

function bellsOf(alerts: readonly OpenAlert[]): Bells {
  const bells = new Map<string, Bell>();
  for (const alert of alerts) {
    const before = bells.get(keyOf(alert)) ?? { alerts: 0, isCritical: false };
    bells.set(keyOf(alert), { alerts: before.alerts + 1, isCritical: before.isCritical || alert.level === 'critical' });
  }
  return bells;
}

function keyOf({ campaign_id, flight_id }: { campaign_id: string; flight_id: string }): string {
  return `${campaign_id} ${flight_id}`;
}

/** What is critical comes first, whatever the status says. */
function groupOf(flight: Flight, bells: Bells): number {
  if (bells.get(keyOf(flight))?.isCritical) return 0;
  return groups.findIndex(({ statuses }) => statuses.includes(flight.status));
}

interface NumbersProps {
  readonly org: string;
  readonly summaries: readonly Summary[];
  readonly alerts: readonly OpenAlert[];
  readonly urgent: number;
  readonly isKnown: boolean;
}

function Numbers({ org, summaries, alerts, urgent, isKnown }: NumbersProps) {
  if (!isKnown)
    return html`<dl class="stats" aria-busy="true">${[1, 2, 3, 4, 5].map(() => html`<div class="stat"></div>`)}</dl>`;
  const flightsOf = (statuses: readonly string[]): number =>
    summaries.filter(({ status }) => statuses.includes(status)).reduce((sum, { flights }) => sum + flights, 0);
  const unseen = summed(summaries, (each) => each.money_at_risk_micros);
  const missed = summed(summaries, (each) => each.at_risk_micros);
  const off = flightsOf(groups[1].statuses);
  const critical = alerts.filter(({ level }) => level === 'critical').length;
  return html`<dl class="stats">
    <${Stat} label="Money at risk" tone=${unseen.some(([, micros]) => micros > 0n) ? 'bad' : 'good'}
      note="may be spent beyond budgets and caps, unseen as yet"><${Sums} sums=${unseen} /><//>
    <${Stat} label="Off their budgets" note="by how much the projections miss them"><${Sums} sums=${missed} /><//>
    <${Stat} label="Need you now" tone=${urgent > 0 ? 'bad' : 'good'} note=${urgent > 0 ? 'by their status, or a critical alert' : 'no flight'}>${urgent}<//>
    <${Stat} label="Off their pace" tone=${off > 0 ? 'warn' : 'good'} note=${`of ${plural(
      summaries.reduce((sum, { flights }) => sum + flights, 0),
      'flight',
    )}`}>${off}<//>
    <${Stat} label="Open alerts" tone=${critical > 0 ? 'bad' : alerts.length > 0 ? 'warn' : 'good'} note=${`${critical} critical`}>
      <a href=${hrefOf(org, 'alerts')}>${alerts.length}</a><//>
  </dl>`;
}

/** By currency; flights in which no money was seen have none. */
function summed(summaries: readonly Summary[], of: (each: Summary) => string): [currency: string, micros: bigint][] {
  const sums = new Map<string, bigint>();
  for (const each of summaries)
    if (each.currency !== '') sums.set(each.currency, (sums.get(each.currency) ?? 0n) + BigInt(of(each)));
  return [...sums];
}

function Sums({ sums }: { sums: readonly [string, bigint][] }) {
  if (sums.length === 0) return '–';
  return sums.map(
    ([currency, micros]) => html`<span class="sum"><${Money} micros=${String(micros)} currency=${currency} /></span>`,
  );
}

function Chips({ summaries, chosen }: { summaries: readonly Summary[]; chosen: string }) {
  const counts = new Map<string, number>();
  for (const { status, flights } of summaries) counts.set(status, (counts.get(status) ?? 0) + flights);
  if (chosen !== '' && !counts.has(chosen)) counts.set(chosen, 0);
  const total = [...counts.values()].reduce((sum, flights) => sum + flights, 0);
  const chip = (value: string, words: ComponentChildren, flights: number) => html`<button type="button" class="chip"
    key=${value} aria-pressed=${chosen === value} onClick=${() => goQuery({ status: value })}>${words} <b>${flights}</b></button>`;
  return html`<div class="tools">
    <div class="chips" role="group" aria-label="Flights by status">${chip('', 'All', total)}${[...counts].map(
      ([status, flights]) =>
        chip(status, html`<${Badge} tone=${statusWords(status).tone}>${statusWords(status).words}<//>`, flights),
    )}</div>
    <${Filter} />
  </div>`;
}

function Filter() {
  const [text, setText] = useState(() => new URL(location.href).searchParams.get('q') ?? '');
  const onInput = (event: Event): void => {
    const { value } = event.target as HTMLInputElement;
    setText(value);
    goQuery({ q: value });
  };
  return html`<input type="search" class="filter" placeholder="Filter by name" aria-label="Filter flights by name (key: slash)"
    value=${text} onInput=${onInput} />`;
}

interface FlightsProps {
  readonly org: string;
  readonly flights: readonly Flight[];
  readonly bells: Bells;
  readonly status: string;
  readonly filter: string;
}

function Flights({ org, flights, bells, status, filter }: FlightsProps) {
  const table = useRef<HTMLElement>(null);
  useRowKeys(table);
  const wanted = filter.trim().toLowerCase();
  const shown = flights.filter(
    (flight) =>
      `${keyOf(flight)} ${flight.advertiser}`.toLowerCase().includes(wanted) &&
      (status === '' || flight.status === status),
  );
  if (flights.length === 0)
    return html`<${Nothing} title="No flight is here">Flights appear as soon as budgets are in the log and a plan judges them.<//>`;
  if (shown.length === 0)
    return html`<${Nothing} title="No flight fits">${filter === '' ? 'None has this status now.' : `None has "${filter}" in the name of its campaign, flight or advertiser.`}<//>`;
  return html`<div ref=${table}><table class="grid board">
    <caption class="hidden">Flights, the worst first, and of equals the one whose projection misses its budget the most</caption>
    <thead><tr><th scope="col">Flight</th><th scope="col">Status</th><th scope="col">Spent of budget</th>
      <th scope="col" class="number">Pace</th><th scope="col" class="number">Off budget</th>
      <th scope="col" class="number wide">Heading for</th><th scope="col" class="number wide">Today of target</th></tr></thead>
    ${groups.map(({ title }, at) => {
      const rows = shown.filter((flight) => groupOf(flight, bells) === at);
      return rows.length === 0
        ? null
        : html`<tbody key=${title}>
        <tr class="group"><th scope="rowgroup" colspan="7">${title} <span class="dim">${rows.length}</span></th></tr>
        ${rows.map((flight) => html`<${FlightRow} key=${keyOf(flight)} org=${org} flight=${flight} bell=${bells.get(keyOf(flight))} />`)}
      </tbody>`;
    })}
  </table></div>`;
}

function FlightRow({ org, flight: told, bell }: { org: string; flight: Flight; bell?: Bell }) {
  const flight = asShown(told);
  const { campaign_id, flight_id, status, currency, budget_micros, spend_micros, expected_micros, at_risk_micros } =
    flight;
  const { tone, words } = statusWords(status);
  const budget = units(budget_micros) ?? 0;
  const share = (micros: string | null): number | null =>
    micros === null || budget === 0 ? null : units(micros)! / budget;
  return html`<tr>
    <th scope="row"><a data-row=${keyOf(flight)} href=${hrefOf(org, 'flights', [campaign_id, flight_id])}>${campaign_id}</a>
      <span class="phone"><${Badge} tone=${tone}>${words}<//></span>
      <span class="under">${flight_id}<span class="wide"> ${datesOf(flight)}</span>${bell === undefined ? null : html` <span class=${`bell ${bell.isCritical ? 'bad' : 'warn'}`}>${plural(bell.alerts, 'alert')}</span>`}</span></th>
    <td><${Badge} tone=${tone}>${words}<//></td>
    <td class="spent"><${SpendBar} spent=${share(spend_micros)} expected=${share(expected_micros)} tone=${tone} />
      <span class="under"><${Money} micros=${spend_micros} currency="" /> of <${Money} micros=${budget_micros} currency=${currency} /></span></td>
    <td class="number">${percent(flight.osi_bp)}</td>
    <td class="number"><${Money} micros=${at_risk_micros} currency=${currency} /></td>
    <td class="number wide"><${Money} micros=${flight.projected_micros} currency=${currency} /></td>
    <td class="number wide"><${Money} micros=${flight.day_spend_micros} currency="" /> <span class="dim">of</span> <${Money} micros=${flight.day_target_micros} currency=${currency} /></td>
  </tr>`;
}
