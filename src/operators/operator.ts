import type { Segment } from './segment.ts';

/** What every operator is: a loop over the rows of a segment, with state of its lane behind it. */
export interface Operator {
  readonly name: string;
  onSegment(segment: Segment): void;
}

/** Where in the log something happened; becomes the version of rows. */
export interface LogPosition {
  readonly offset: number;
}
