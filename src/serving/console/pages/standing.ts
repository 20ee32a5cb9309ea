import { html } from 'htm/preact';
import { useMemo, useRef } from 'preact/hooks';
import { pathOf, useAnswer } from './api.ts';
import { isMoney } from './goals.ts';
import { Money, SpendBar, Stat, Time } from './parts.ts';
import { money, percent, statusWords, time, toMs } from './words.ts';

/** How a budget stands, of a flight or an order. */
export interface Standing {
  readonly goal: string;
  readonly status: string;
  readonly currency: string;
  readonly as_of: string;
  readonly budget_micros: string;
  readonly spend_micros: string | null;
  readonly expected_micros: string | null;
  readonly osi_bp: number | null;
  readonly delivery_bp: number | null;
  readonly projected_micros: string | null;
  readonly run_rate_micros_per_day: string | null;
  readonly required_micros_per_day: string | null;
  readonly exhaustion_at: string | null;
  readonly day_target_micros: string | null;
  readonly day_spend_micros: string | null;
  readonly day_pacing_bp: number | null;
  /** An order has none. */
  readonly daily_cap_micros: string | null;
  readonly ends_at: string | null;
}

/** How it stands, as one would tell it. */
export function storyOf(shown: Standing): string {
  const { status, currency, spend_micros, expected_micros, osi_bp, delivery_bp, as_of } = shown;
  const { budget_micros, projected_micros, run_rate_micros_per_day } = shown;
  if (status.startsWith('ended') && spend_micros !== null)
    return `It has ended with ${money(spend_micros)} ${isMoney(shown) ? 'spent ' : ''}of ${money(budget_micros)} ${currency}: ${percent(delivery_bp, 1)}.`;
  if (spend_micros === null) return 'Nothing can be said: what it spent is not known completely.';
  const spent = `It has ${isMoney(shown) ? 'spent' : 'reached'} ${money(spend_micros)} ${currency}`;
  const plan =
    expected_micros === null
      ? ''
      : ` where ${money(expected_micros)} were expected by ${time(as_of)}: ${percent(osi_bp)} of plan`;
  if (projected_micros === null || run_rate_micros_per_day === null) return `${spent}${plan}.`;
  const miss = BigInt(projected_micros) - BigInt(budget_micros);
  const size = money(String(miss < 0n ? -miss : miss));
  const whole = isMoney(shown) ? 'budget' : 'goal';
  const heading =
    miss === 0n
      ? `just its ${whole}`
      : `${size} ${miss < 0n ? 'short of' : 'over'} its ${whole} of ${money(budget_micros)}`;
  return `${spent}${plan}. At ${money(run_rate_micros_per_day)} a day it is heading for ${money(projected_micros)}, ${heading}.`;
}

/** What it spent or reached, of how much, today, a day, and in the end. */
export function Numbers({ shown }: { shown: Standing }) {
  const { currency, budget_micros, day_target_micros } = shown;
  const reached = isMoney(shown) ? 'Spent' : 'Reached';
  const amount = (micros: string | null) => html`<${Money} micros=${micros} currency=${currency} />`;
  const { tone } = statusWords(shown.status);
  const bar = (spent: string | null, whole: string | null, expected: string | null = null) => {
    const share = (micros: string | null) => (micros === null ? null : Number(micros) / (Number(whole) || 1));
    return html`<${SpendBar} tone=${tone} spent=${share(spent)} expected=${share(expected)} />`;
  };
  return html`<dl class="stats">
    <${Stat} label=${reached} note=${html`of ${amount(budget_micros)}, expected ${amount(shown.expected_micros)} ${bar(shown.spend_micros, budget_micros, shown.expected_micros)}`}>${amount(shown.spend_micros)}<//>
    <${Stat} label="Today" note=${
      day_target_micros === null
        ? 'no target'
        : html`of ${amount(day_target_micros)}, ${percent(shown.day_pacing_bp)} of what is due by now ${bar(shown.day_spend_micros, day_target_micros)}`
    }>${amount(shown.day_spend_micros)}<//>
    <${Stat} label="A day" note=${html`now; ${amount(shown.required_micros_per_day)} required${shown.daily_cap_micros === null ? null : html`, capped at ${amount(shown.daily_cap_micros)}`}`}>${amount(shown.run_rate_micros_per_day)}<//>
    <${Stat} label="Heading for" note=${html`${shown.exhaustion_at && html`runs out <${Time} at=${shown.exhaustion_at} /> `}${shown.ends_at && html`ends <${Time} at=${shown.ends_at} />`}`}>${amount(shown.projected_micros)}<//>
  </dl>`;
}

const dayMs = 86_400_000;
/** Periods begin and end at such steps, so that the same one is asked again until the next. */
const stepMs = 6 * 3_600_000;

/**
 * Snapshots of the last month up to the newest, the oldest first, of the flight or order at `path`, as `show` (always the
 * same one) makes them; they stay while a newer period is asked for.
 */
export function useHistory<Row>(
  path: readonly string[],
  newest: string | undefined,
  show: (row: Row) => Row,
): readonly Row[] {
  const to = newest === undefined ? null : (Math.floor(toMs(newest) / stepMs) + 1) * stepMs;
  const members =
    to === null ? {} : { limit: '500', from: new Date(to - 31 * dayMs).toISOString(), to: new Date(to).toISOString() };
  const parts = [...path, 'snapshots'];
  const first = useAnswer<Row[]>(to === null ? null : pathOf(parts, members), 4_000);
  const cursor = first.answer?.next_cursor ?? null;
  const second = useAnswer<Row[]>(cursor === null ? null : pathOf(parts, { ...members, cursor }), 0);
  const before = useRef<readonly Row[]>([]);
  return useMemo(() => {
    if (first.answer === null) return before.current;
    before.current = [...first.answer.data, ...(second.answer?.data ?? [])].reverse().map(show);
    return before.current;
  }, [first.answer, second.answer]);
}
