import { type BookContext, correctable, wantsSpend } from './book.ts';
import type { EventFields, OracleEvent } from './events.ts';

/** What a campaign's sums have taken so far (§2.11), in the doubles that the page speaks of. */
export class Burden {
  readonly up = { counts: 0, exact: 0 };
  readonly down = { counts: 0, exact: 0 };

  /** True when all of it fits, and is added; else nothing is. */
  take({ counts, exact }: Amounts): boolean {
    const [up, down] = [{ ...this.up }, { ...this.down }];
    for (const value of counts) if (Math.abs(value) > 2 ** 10) (value > 0 ? up : down).counts += Math.abs(value);
    for (const value of exact) if (Math.abs(value) > 2 ** 26) (value > 0 ? up : down).exact += Math.abs(value);
    if (Math.max(up.counts, down.counts) > 2 ** 52 || Math.max(up.exact, down.exact) > 2 ** 62) return false;
    Object.assign(this.up, up);
    Object.assign(this.down, down);
    return true;
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
  spend: ({ amount_micros }) => ({ counts: [], exact: [amount_micros ?? 0] }),
  performance_report: ({ amount_micros, counts: said }) => {
    const values = (isCount: boolean) =>
      [...said].filter(([name]) => correctable.includes(name) === isCount).map(([, value]) => Number(value));
    return { counts: values(true), exact: [amount_micros ?? 0, ...values(false)] };
  },
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

/** Whether the campaign's sums take what the record adds; of spend in reports what the plan takes. */
export function isBearable(context: BookContext, event: OracleEvent): boolean {
  const { kind, fields } = event;
  const isReport = kind === 'spend' || kind === 'performance_report';
  const told = isReport && !wantsSpend(context, event) ? { ...fields, amount_micros: 0 } : fields;
  return context.campaign.burden.take(amountsOf[kind](told));
}
