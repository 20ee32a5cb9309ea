import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { type Whole, whole } from '../../model/whole.ts';
import type { Campaign } from '../campaign.ts';
import { plainConversion } from '../conversion-types.ts';
import { type Revenue, sumAt } from '../day-row.ts';
import type { LaneState } from '../lane-state.ts';
import { ProvisionalQuarters, type QuarterAmounts } from '../provisional-quarters.ts';
import { zoneNamed } from './changes.ts';
import type { Section } from './section.ts';

/** What may move to other days, of campaigns whose zone is not known: what changed, or all; or that it is known now. */
export function quartersSection(state: LaneState): Section<Campaign> {
  return {
    id: 27,
    name: 'quarters',
    version: 2,

    write(out: ByteWriter, campaign: Campaign, all: boolean): void {
      const { quarters } = campaign;
      if (quarters === null) {
        if (!all && campaign.zoneBecameKnown) out.text('');
        return;
      }
      out.text(quarters.zone.id);
      const { currencies } = campaign.books;
      const harvest = quarters.toHarvest(all, state.clock);
      out.count(harvest.length);
      for (const [quarter, { places, revenue, conversions }] of harvest) {
        out.int32(quarter);
        out.count(places.size);
        for (const [place, amount] of [...places].sort(([a], [b]) => a - b)) {
          out.count(place);
          out.exact(amount);
        }
        out.count(revenue.size);
        const sorted = [...revenue].map(([currency, each]) => ({ currency: currencies.text(currency), ...each }));
        for (const { currency, byTouch, byConversion } of sorted.sort((a, b) => (a.currency < b.currency ? -1 : 1))) {
          out.text(currency);
          out.exact(byTouch);
          out.exact(byConversion);
        }
        out.count(conversions.size);
        for (const [code, { byTouch, byConversion }] of [...conversions].sort(([a], [b]) => a - b)) {
          out.count(code);
          out.exact(byTouch);
          out.exact(byConversion);
        }
      }
    },

    read(from: ByteReader, version: number, campaign: Campaign): void {
      const zone = from.text();
      if (zone === '') {
        campaign.quarters?.release();
        campaign.quarters = null;
        return;
      }
      campaign.quarters ??= new ProvisionalQuarters(zoneNamed(zone), campaign.books);
      campaign.quarters.zone = zoneNamed(zone);
      for (let n = from.count(); n > 0; n--)
        campaign.quarters.restore(from.int32(), readAmounts(from, version, campaign));
    },

    settle(campaign: Campaign): void {
      campaign.zoneBecameKnown = false;
      campaign.quarters?.harvested();
    },
  };
}

function readAmounts(from: ByteReader, version: number, campaign: Campaign): QuarterAmounts {
  const amounts: QuarterAmounts = { places: new Map(), revenue: new Map(), conversions: new Map() };
  for (let n = from.count(); n > 0; n--) {
    const place = from.count();
    amounts.places.set(place, whole(from.exact()));
  }
  for (let n = from.count(); n > 0; n--) {
    const currency = campaign.books.currencies.number(from.text());
    amounts.revenue.set(currency, { byTouch: whole(from.exact()), byConversion: whole(from.exact()) });
  }
  if (version === 1) amounts.conversions.set(plainConversion, conversionsIn(amounts.places));
  else {
    for (let n = from.count(); n > 0; n--) {
      const code = from.count();
      amounts.conversions.set(code, { byTouch: whole(from.exact()), byConversion: whole(from.exact()) });
    }
  }
  return amounts;
}

/** What older releases counted is of no type that we know. */
function conversionsIn(places: QuarterAmounts['places']): Revenue {
  const of = (place: number): Whole => {
    const amount = places.get(place) ?? 0;
    places.delete(place);
    return amount;
  };
  return { byTouch: of(sumAt.conversionsByTouch), byConversion: of(sumAt.conversionsByConversion) };
}
