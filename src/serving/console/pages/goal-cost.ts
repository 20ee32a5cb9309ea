import { html } from 'htm/preact';
import { Money, Time } from './parts.ts';

interface Told {
  readonly currency: string;
  readonly limit_micros: string | null;
  readonly limit_reached_at: string | null;
  readonly spend_micros: string | null;
  readonly projected_micros: string | null;
}

/** What a goal that is no money costs. */
export function GoalCost({ told }: { told: Told }) {
  const { spend_micros, limit_micros, limit_reached_at, projected_micros, currency } = told;
  const amount = (micros: string | null) => html`<${Money} micros=${micros} currency=${currency} />`;
  const most = limit_micros === null ? 'as much as it takes' : html`at most ${amount(limit_micros)}`;
  const end = limit_reached_at === null ? '' : html`, which is spent <${Time} at=${limit_reached_at} />`;
  return html`<p class="story">It has cost ${amount(spend_micros)} and is heading for ${amount(projected_micros)}; it may cost ${most}${end}.</p>`;
}
