import { html } from 'htm/preact';
import { useRef } from 'preact/hooks';
import { pathOf, useAnswer } from './api.ts';
import { useRowKeys } from './keys.ts';
import { Answered, Badge, Heading, Money, Nothing, SpendBar } from './parts.ts';
import { hrefOf, type Route } from './route.ts';
import { percent, plural, statusWords } from './words.ts';

interface Order {
  readonly order_id: string;
  readonly name: string;
  readonly advertiser: string;
  readonly status: string;
  readonly currency: string;
  readonly campaigns: number;
  readonly campaigns_left_out: number;
  readonly budget_micros: string;
  readonly spend_micros: string | null;
  readonly expected_micros: string | null;
  readonly osi_bp: number | null;
  readonly projected_micros: string | null;
  readonly day_spend_micros: string | null;
  readonly day_target_micros: string | null;
}

/** What needs somebody comes first, as on the board. */
const tones = ['bad', 'unknown', 'warn', 'good', 'idle'];

export function Orders({ org }: Route) {
  const orders = useAnswer<Order[]>(pathOf(['organizations', org, 'orders']));
  return html`<${Heading} title="Orders" /><p class="story">What was signed as one: several campaigns under one budget and dates. Its money is that of their flights, looked at together.</p>
    <${Answered} shown=${orders}>${(data: Order[]) =>
      data.length === 0
        ? html`<${Nothing} title="No order is here">Orders are written under <code>orders</code> in organizations.yaml, and appear with the next look at them.<//>`
        : html`<${Table} org=${org} orders=${data} />`}<//>`;
}

function Table({ org, orders }: { org: string; orders: readonly Order[] }) {
  const list = useRef<HTMLElement>(null);
  useRowKeys(list);
  const rank = ({ status }: Order): number => tones.indexOf(statusWords(status).tone);
  return html`<div ref=${list}><table class="grid board"><caption class="hidden">Orders, the worst first</caption>
    <thead><tr><th scope="col">Order</th><th scope="col">Status</th><th scope="col">Spent of budget</th><th scope="col" class="number">Pace</th>
      <th scope="col" class="number">Heading for</th><th scope="col" class="number wide">Today of target</th></tr></thead>
    <tbody>${orders
      .toSorted((a, b) => rank(a) - rank(b))
      .map((order) => html`<${Row} key=${order.order_id} org=${org} order=${order} />`)}</tbody></table></div>`;
}

function Row({ org, order }: { org: string; order: Order }) {
  const { order_id, name, advertiser, currency, budget_micros, spend_micros, campaigns, campaigns_left_out } = order;
  const { tone, words } = statusWords(order.status);
  const share = (micros: string | null) => (micros === null ? null : Number(micros) / (Number(budget_micros) || 1));
  const amount = (micros: string | null, of = currency) => html`<${Money} micros=${micros} currency=${of} />`;
  const leftOut = campaigns_left_out === 0 ? '' : `, ${campaigns_left_out} left out: not in ${currency}`;
  return html`<tr>
    <th scope="row"><a data-row=${order_id} href=${hrefOf(org, 'orders', [order_id])}>${name || order_id}</a>
      <span class="phone"><${Badge} tone=${tone}>${words}<//></span>
      <span class="under">${advertiser && `${advertiser}, `}${plural(campaigns, 'campaign')}${leftOut}</span></th>
    <td><${Badge} tone=${tone}>${words}<//></td>
    <td class="spent"><${SpendBar} spent=${share(spend_micros)} expected=${share(order.expected_micros)} tone=${tone} />
      <span class="under">${amount(spend_micros, '')} of ${amount(budget_micros)}</span></td>
    <td class="number">${percent(order.osi_bp)}</td>
    <td class="number">${amount(order.projected_micros)}</td>
    <td class="number wide">${amount(order.day_spend_micros, '')} <span class="dim">of</span> ${amount(order.day_target_micros)}</td>
  </tr>`;
}
