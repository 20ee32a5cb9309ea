import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { assert } from '../../model/errors.ts';
import { whole } from '../../model/whole.ts';
import type { PacingStatus } from '../../pacing/pacing.ts';
import { type Campaign, type Flight, part } from '../campaign.ts';
import type { Section } from './section.ts';

/** The campaign's timer, and what was last said of each flight's pace; flights in the order of section `flights`. */
export const paceSection: Section<Campaign> = {
  id: 22,
  name: 'pace',
  version: 2,

  write(out: ByteWriter, campaign: Campaign, all: boolean): void {
    const { timerAt, flights } = campaign;
    if (all ? timerAt === null && flights.length === 0 : !campaign.hasChanged(part.pace)) return;
    out.optional(timerAt);
    out.count(flights.length);
    for (const flight of flights) {
      out.flag(flight.isDone);
      out.optional(flight.lastAsOf);
      out.text(flight.lastStatus ?? '');
      out.flag(flight.wasStale);
      out.flag(flight.wasInFlight);
      out.optional(flight.persistedAt);
      out.optional(flight.persistedOsi);
      out.flag(flight.persistedSpend !== null);
      if (flight.persistedSpend !== null) out.exact(flight.persistedSpend);
      out.flag(flight.isRestated);
    }
  },

  read(from: ByteReader, version: number, campaign: Campaign): void {
    campaign.timerAt = from.optional();
    const count = from.count();
    assert(count === campaign.flights.length, 'pace is kept of every flight');
    for (const flight of campaign.flights) {
      readPace(from, flight);
      if (version === 1) continue;
      flight.persistedSpend = from.flag() ? whole(from.exact()) : null;
      flight.isRestated = from.flag();
    }
  },
};

/** Version 1 is also how format 1 of a blob wrote it. */
export function readPace(from: ByteReader, flight: Flight): void {
  flight.isDone = from.flag();
  flight.lastAsOf = from.optional();
  flight.lastStatus = (from.text() || null) as PacingStatus | null;
  flight.wasStale = from.flag();
  flight.wasInFlight = from.flag();
  flight.persistedAt = from.optional();
  flight.persistedOsi = from.optional();
}
