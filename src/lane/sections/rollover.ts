import { type Rollover, rollovers } from '../../events/event-batch.ts';
import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { assert } from '../../model/errors.ts';
import type { Amounts, Rolled } from '../../pacing/rollover.ts';
import { type Campaign, part } from '../campaign.ts';
import { FlightRollover } from '../flight-rollover.ts';
import type { Section } from './section.ts';

/** What flights left unspent and where it went, by place in section `flights`; campaigns in which nothing does leave no trace. */
export const rolloverSection: Section<Campaign> = {
  id: 69,
  name: 'rollover',
  version: 1,

  write(out: ByteWriter, campaign: Campaign, all: boolean): void {
    if (!all && !campaign.hasChanged(part.flights | part.pace)) return;
    let count = 0;
    for (const { rollover } of campaign.flights) if (rollover !== null) count += 1;
    if (count === 0) return;
    out.count(count);
    campaign.flights.forEach(({ rollover }, place) => {
      if (rollover === null) return;
      out.count(place);
      out.count(rollovers.indexOf(rollover.rollover));
      out.flag(rollover.left !== null);
      if (rollover.left !== null) {
        out.double(rollover.left.at);
        writeAmounts(out, rollover.left);
      }
      writeAmounts(out, rollover.inherited);
      writeRolled(out, rollover.rolled);
      writeRolled(out, rollover.persisted);
    });
  },

  read(from: ByteReader, _version: number, { flights }: Campaign): void {
    for (let count = from.count(); count > 0; count--) {
      const rollover = new FlightRollover();
      flights[from.count()].rollover = rollover;
      rollover.rollover = modeAt(from.count());
      if (from.flag()) rollover.left = { at: from.double(), ...readAmounts(from) };
      rollover.inherited = readAmounts(from);
      rollover.rolled = readRolled(from);
      rollover.persisted = readRolled(from);
    }
    for (const flight of flights) flight.ledger = null;
  },
};

function modeAt(place: number): Rollover {
  assert(place < rollovers.length, 'a rollover is one that this release knows');
  return rollovers[place];
}

function writeAmounts(out: ByteWriter, { goal, limit }: Amounts): void {
  out.double(goal);
  out.double(limit);
}

function readAmounts(from: ByteReader): Amounts {
  return { goal: from.double(), limit: from.double() };
}

function writeRolled(out: ByteWriter, rolled: Rolled): void {
  writeAmounts(out, rolled.in);
  writeAmounts(out, rolled.out);
  out.text(rolled.to ?? '');
}

function readRolled(from: ByteReader): Rolled {
  return { in: readAmounts(from), out: readAmounts(from), to: from.text() || null };
}
