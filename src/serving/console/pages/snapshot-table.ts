import { html } from 'htm/preact';
import { isMoney } from './goals.ts';
import { Time } from './parts.ts';
import { money, percent, statusWords } from './words.ts';

interface Snapshot {
  readonly as_of: string;
  readonly evaluated_at: string;
  readonly status: string;
  readonly currency: string;
  readonly goal: string;
  readonly budget_micros: string;
  readonly spend_micros: string | null;
  readonly expected_micros: string | null;
  readonly osi_bp: number | null;
  readonly projected_micros: string | null;
}

/** The numbers behind the chart of a flight, the newest first. */
export function SnapshotTable({ known }: { known: readonly Snapshot[] }) {
  const shown = known.at(-1);
  if (shown === undefined) return null;
  const { currency } = shown;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Snapshots"><table class="grid"><thead><tr><th scope="col">Complete to</th><th scope="col">Status</th>
        ${[`${isMoney(shown) ? 'Spent' : 'Reached'} ${currency}`, 'Expected', 'Pace', 'Heading for', isMoney(shown) ? 'Budget' : 'Goal'].map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
      <tbody>${known.toReversed().map(
        (
          each,
        ) => html`<tr key=${each.evaluated_at}><th scope="row"><${Time} at=${each.as_of} /></th><td>${statusWords(each.status).words}</td>
        ${[money(each.spend_micros, 2), money(each.expected_micros, 2), percent(each.osi_bp, 1), money(each.projected_micros, 2), money(each.budget_micros, 2)].map((text) => html`<td class="number">${text}</td>`)}</tr>`,
      )}</tbody></table></div>`;
}
