import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { dayMs } from '../../model/time.ts';
import type { Campaign } from '../campaign.ts';
import { CumulativeTotals } from '../cumulative-totals.ts';
import type { LaneState } from '../lane-state.ts';
import type { Section } from './section.ts';

/** The last totals of feeds that report totals: those set since the last harvest, or all that are kept. */
export function cumulativeSection(state: LaneState): Section<Campaign> {
  return {
    id: 18,
    name: 'cumulative',
    version: 1,

    write(out: ByteWriter, campaign: Campaign, all: boolean): void {
      if (campaign.cumulative === null) return;
      if (all) campaign.cumulative.prune(state.clock - state.limits.keptDays * dayMs);
      const totals = campaign.cumulative.toHarvest(all);
      if (totals.length === 0) return;
      out.count(totals.length);
      for (const [key, { periodStart, amount }] of totals) {
        out.text(key);
        out.double(periodStart);
        out.double(amount);
      }
    },

    read: readCumulative,

    forget(campaign: Campaign): void {
      campaign.cumulative = null;
    },

    settle(campaign: Campaign): void {
      campaign.cumulative?.settle();
    },
  };
}

/** Version 1 is also how format 1 of a blob wrote totals. */
export function readCumulative(from: ByteReader, _version: number, campaign: Campaign): void {
  for (let n = from.count(); n > 0; n--) {
    const key = from.text();
    campaign.cumulative ??= new CumulativeTotals();
    campaign.cumulative.restore(key, { periodStart: from.double(), amount: from.double() });
  }
}
