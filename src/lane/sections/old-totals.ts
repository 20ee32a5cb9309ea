import type { ByteReader } from '../../model/byte-codec.ts';
import type { Campaign } from '../campaign.ts';
import type { Section } from './section.ts';

/** The last totals of feeds as releases before reports had spans kept them: read for ever, written no more. */
export const oldTotalsSection: Section<Campaign> = {
  id: 18,
  name: 'cumulative',
  version: 1,

  write(): void {},

  read: readOldTotals,

  forget(campaign: Campaign): void {
    campaign.oldTotals = null;
  },
};

/** Version 1 is also how format 1 of a blob wrote totals. */
export function readOldTotals(from: ByteReader, _version: number, campaign: Campaign): void {
  for (let n = from.count(); n > 0; n--) {
    const key = from.text();
    campaign.oldTotals ??= new Map();
    campaign.oldTotals.set(key, { periodStart: from.double(), amount: from.double() });
  }
}
