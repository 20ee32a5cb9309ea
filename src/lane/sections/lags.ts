import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { type Campaign, part } from '../campaign.ts';
import { LagBooks, lagDays } from '../lag-books.ts';
import type { Section } from './section.ts';

/** How late conversions came, of campaigns whose rules ask what is still to come. */
export const lagsSection: Section<Campaign> = {
  id: 76,
  name: 'lags',
  version: 1,

  write(out: ByteWriter, campaign: Campaign, all: boolean): void {
    const { lags } = campaign;
    if (all ? lags === null : !campaign.hasChanged(part.lags)) return;
    out.flag(lags !== null);
    if (lags === null) return;
    out.count(lags.weeks.size);
    for (const [week, weights] of lags.weeks) {
      out.double(week);
      for (let lag = 0; lag < lagDays; lag++) out.exact(weights[lag]);
    }
  },

  read(from: ByteReader, _version: number, campaign: Campaign): void {
    campaign.lags = null;
    if (!from.flag()) return;
    const lags = new LagBooks();
    for (let weeks = from.count(); weeks > 0; weeks--) {
      const weights = new Float64Array(lagDays);
      lags.weeks.set(from.double(), weights);
      for (let lag = 0; lag < lagDays; lag++) weights[lag] = Number(from.exact());
    }
    campaign.lags = lags;
  },

  forget(campaign: Campaign): void {
    campaign.lags = null;
  },
};
