import type { Rollover } from '../events/event-batch.ts';
import { type Amounts, nothing, type Rolled } from '../pacing/rollover.ts';

/** What a flight's last judged evaluation after its end found. */
interface Leftover extends Amounts {
  /** Its as_of. */
  readonly at: number;
}

/** What goes to a flight from others, and from it; those of campaigns in which nothing rolls over have none. */
export class FlightRollover {
  /** By its newest flight_changed. */
  rollover: Rollover = 'NONE';
  /** Null while it was not judged after its end. */
  left: Leftover | null = null;
  /** Of flights that are forgotten. */
  inherited: Amounts = nothing;
  /** What follows from all flights of the campaign as they are. */
  rolled: Rolled = stays;
  /** As the last persisted snapshot said it. */
  persisted: Rolled = stays;
}

/** Nothing comes and nothing goes. */
export const stays: Rolled = { in: nothing, out: nothing, to: null };
