import type { BookContext } from './book.ts';
import type { EventFields, OracleEvent } from './events.ts';
import { campaignView } from './plans.ts';

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

  /** A total that another replaces. */
  giveBack(exact: number): void {
    const side = exact > 0 ? this.up : this.down;
    if (Math.abs(exact) > 2 ** 26) side.exact = Math.max(0, side.exact - Math.abs(exact));
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
  click: ({ cost_micros }) => ({ counts: [], exact: [cost_micros] }),
  video_progress: none,
  conversion: ({ weight, revenue_micros, reversal }) => {
    const sign = reversal ? -1 : 1;
    return { counts: [], exact: [sign * Math.round(weight * 1e6), sign * revenue_micros] };
  },
  spend: ({ amount_micros }) => ({ counts: [], exact: [amount_micros] }),
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
export function isBearable(context: BookContext, event: OracleEvent): boolean {
  const { burden } = context.campaign;
  if (event.kind !== 'spend') return burden.take(amountsOf[event.kind](event.fields));
  if (!isSpendItem(context, event)) return true;
  const replaced = event.fields.cumulative ? lastTotal(context, event) : 0;
  const apart = event.fields.amount_micros - replaced;
  if (Math.abs(apart) > Number.MAX_SAFE_INTEGER || !burden.take(amountsOf.spend(event.fields))) return false;
  burden.giveBack(replaced);
  return true;
}

function isSpendItem({ plan, campaign }: BookContext, { source, fields }: OracleEvent): boolean {
  const { spend } = campaignView(plan, campaign.id);
  return spend.from === 'feed' && spend.source === source && spend.cost_basis === fields.basis;
}

function lastTotal({ campaign }: BookContext, { source, fields }: OracleEvent): number {
  return campaign.cumulative.get(`${source}|${fields.basis}|${fields.period_start}|${fields.period_end}`) ?? 0;
}
