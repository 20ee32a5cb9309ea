import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { whole } from '../../model/whole.ts';
import { type Campaign, part } from '../campaign.ts';
import { HourBooks, hourCounter, hoursKept } from '../hour-books.ts';
import type { Section } from './section.ts';

/** What campaigns spent and showed in hours of weeks ago, of those whose rules compare with them. */
export const hoursSection: Section<Campaign> = {
  id: 75,
  name: 'hours',
  version: 1,

  write(out: ByteWriter, campaign: Campaign, all: boolean): void {
    const { hours } = campaign;
    if (!all && !campaign.hasChanged(part.hours)) return;
    if (hours === null) {
      // Nobody asks any more: what was saved before is gone.
      if (!all) out.count(0);
      return;
    }
    const first = all ? hours.newest - hoursKept + 1 : Math.max(hours.changedFrom, hours.newest - hoursKept + 1);
    const last = all ? hours.newest : hours.changedTo;
    out.count(hours.asked);
    out.double(hours.oldestTold);
    out.double(hours.newest);
    // A campaign whose hours begin has none that are infinitely long ago.
    const count = Number.isFinite(first) ? Math.max(0, last - first + 1) : 0;
    out.count(count);
    if (count === 0) return;
    out.double(first);
    for (let hour = first; hour <= last; hour++) {
      const [spend, impressions] = [hours.spendOf(hour), hours.impressionsOf(hour)];
      out.count((spend === null ? 0 : hourCounter.spend) | (impressions === null ? 0 : hourCounter.impressions));
      if (spend !== null) out.exact(spend);
      if (impressions !== null) out.exact(impressions);
    }
  },

  read(from: ByteReader, _version: number, campaign: Campaign): void {
    const asked = from.count();
    if (asked === 0) {
      campaign.hours = null;
      return;
    }
    const [oldestTold, newest] = [from.double(), from.double()];
    if (campaign.hours?.asked !== asked) campaign.hours = new HourBooks(asked);
    const { hours } = campaign;
    const count = from.count();
    const first = count === 0 ? 0 : from.double();
    for (let hour = first; hour < first + count; hour++) {
      const known = from.count();
      const spend = (known & hourCounter.spend) === 0 ? null : whole(from.exact());
      const impressions = (known & hourCounter.impressions) === 0 ? null : Number(from.exact());
      hours.keep(hour, spend, impressions);
    }
    hours.oldestTold = oldestTold;
    hours.newest = newest;
    hours.settle();
  },

  forget(campaign: Campaign): void {
    campaign.hours = null;
  },

  settle({ hours }: Campaign): void {
    hours?.settle();
  },
};
