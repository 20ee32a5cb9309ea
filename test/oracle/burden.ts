import { type BookContext, correctable } from './book.ts';
import type { EventFields, OracleEvent } from './events.ts';
import type { Report } from './reports.ts';

/** What a campaign's sums hold (§2.11). */
export class Burden {
  #up = { counts: 0n, exact: 0n };
  #down = { counts: 0n, exact: 0n };

  /** True when all of it fits, what counts no more being taken off before; else nothing changes. */
  take({ counts, exact }: Amounts, back: Amounts = none()): boolean {
    const [up, down] = [{ ...this.#up }, { ...this.#down }];
    const add = (of: 'counts' | 'exact', value: number, sign: bigint) => {
      if (Math.abs(value) <= (of === 'counts' ? 2 ** 10 : 2 ** 26)) return;
      (value > 0 ? up : down)[of] += sign * BigInt(Math.ceil(Math.abs(value)));
    };
    for (const value of back.counts) add('counts', value, -1n);
    for (const value of back.exact) add('exact', value, -1n);
    for (const value of counts) add('counts', value, 1n);
    for (const value of exact) add('exact', value, 1n);
    const isOver = [up, down].some((side) => side.counts > 2n ** 52n || side.exact > 2n ** 62n);
    if (!isOver) [this.#up, this.#down] = [up, down];
    return !isOver;
  }
}

interface Amounts {
  readonly counts: readonly number[];
  readonly exact: readonly number[];
}

const amountsOf: Readonly<Record<OracleEvent['kind'], (fields: EventFields) => Amounts>> = {
  tick: none,
  org_plan: none,
  impression: ({ batch_count, cost_micros, cpm_micros }) => ({
    counts: [batch_count],
    exact: [cost_micros, (cpm_micros * batch_count) / 1_000],
  }),
  click: ({ batch_count, cost_micros }) => ({ counts: [batch_count], exact: [cost_micros] }),
  video_progress: none,
  conversion: ({ weight, revenue_micros, reversal }) => {
    const sign = reversal ? -1 : 1;
    return { counts: [], exact: [sign * Math.round(weight * 1e6), sign * revenue_micros] };
  },
  // Reports are weighed by what they change.
  spend: none,
  performance_report: none,
  spend_adjustment: ({ delta_micros }) => ({ counts: [], exact: [delta_micros] }),
  metric_correction: ({ deltas }) => ({ counts: Object.values(deltas), exact: [] }),
  budget_changed: none,
  flight_changed: none,
  status_changed: none,
  creative_status: none,
  auction_stats: ({ requests, bids, wins }) => ({ counts: [requests, bids, wins], exact: [] }),
  source_heartbeat: none,
};

function none(): Amounts {
  return { counts: [], exact: [] };
}

/** Whether the campaign's sums take what the record adds. */
export function isBearable({ campaign }: BookContext, { kind, fields }: OracleEvent): boolean {
  return campaign.burden.take(amountsOf[kind](fields));
}

/** What reports weigh: spend in micros, counters, and the rest as exact amounts. */
export function amountsOfReports(reports: readonly Report[]): Amounts {
  const all = reports.flatMap(({ amounts }) => [...amounts]);
  return {
    counts: all.flatMap(([name, value]) => (correctable.includes(name) ? [Number(value)] : [])),
    exact: all.flatMap(([name, value]) =>
      correctable.includes(name) ? [] : [Number(name === 'spend' ? value / 1_000n : value)],
    ),
  };
}
