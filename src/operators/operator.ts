import type { OwnedSections } from '../lane/sections/section.ts';
import type { TimerKind } from '../lane/timers.ts';
import type { LogTimeMs } from '../model/time.ts';
import type { Segment } from './segment.ts';

/**
 * What every operator is: loops over the rows of segments, timers of its own, and a part of the lane's
 * memory that it alone saves. All but its name and its label may be absent. The lane calls, in this order: for each
 * batch `beginBatch`; for each segment the due timers, then `onSegment` of all in the order of the map;
 * for each commit the sections, then `harvest`.
 */
export interface Operator {
  readonly name: string;
  /** What it does, in a few words: its label on the map. */
  readonly does: string;
  /** What it remembers, as sections of the lane's state. */
  readonly state?: OwnedSections;
  /** The kind of timers that `onTimer` runs. */
  readonly timer?: TimerKind;
  /** About what the next harvest of it will hold beyond the sections of dirty campaigns; decides only when to commit early. */
  readonly dirtyBytes?: number;
  /** Names have other dictionary ids than in the batches before: nothing may be known by them any more. */
  forgetIds?(): void;
  beginBatch?(): void;
  onSegment?(segment: Segment): void;
  /** Runs a timer of its kind: that of `slot`, due when the lane clock reaches `at`, at the record of `offset`. */
  onTimer?(slot: number, at: LogTimeMs, offset: number): void;
  /** Writes the rows that wait for a commit. */
  harvest?(): void;
  /** Asserts that what it remembers is whole; tests call it after every batch. */
  verify?(): void;
  /** After a restore: sets the timers that its sections say are pending. */
  rearm?(): void;
  /** After a restore: records of the log's tail, read back for what is remembered but never committed. */
  remember?(segment: Segment): void;
}
