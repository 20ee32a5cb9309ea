import type { EventTimeMs, LogTimeMs, TimeColumn } from '../model/time.ts';
import type { RecordRun } from './record-run.ts';

/** A run of records with where each is filed in a table of raw records. Its arrays are nobody else's: it may be kept. */
export interface FiledRun
  extends Pick<
    RecordRun,
    | 'topic'
    | 'partition'
    | 'count'
    | 'bytes'
    | 'offsets'
    | 'logTimes'
    | 'keyStarts'
    | 'keyEnds'
    | 'valueStarts'
    | 'valueEnds'
    | 'nextOffset'
  > {
  /** Organization of each record. */
  readonly orgs: readonly string[];
  /** Event time, ms; the log time where the event's own cannot be trusted. */
  readonly eventTimes: TimeColumn<EventTimeMs | LogTimeMs>;
  /** Writer schema; -1 = none. */
  readonly schemaIds: Int32Array;
  readonly kinds: readonly string[];
}
