import type { Decoder } from '../../src/decoders/decoder.ts';
import type { LaneProgramFactory } from '../../src/runtime/lane-program.ts';
import type { LaneSnapshot } from '../../src/state/state-store.ts';
import type { Random } from '../simulation/random.ts';
import type { LogRecord } from '../simulation/simulated-log.ts';

export interface OutputRow {
  /** Stream and key: what a table sorts by. */
  readonly key: string;
  readonly version: number | bigint;
  /** All the row's content, for comparing. */
  readonly content: string;
}

/** What a lane's log says once it is folded, without engine, batches or crashes. */
export interface Expectation {
  /** State of the lane, as text that `describeSnapshot` of an equal state gives too. */
  readonly state: string;
  /** The row with the highest version of each key. */
  readonly rows: ReadonlyMap<string, OutputRow>;
}

/** A program that can live in the simulated world: what runs in a lane, its input, and its truth. */
export interface ProgramUnderTest {
  readonly partitions: number;
  /** Each sink with the streams that it takes. */
  readonly sinks: readonly { name: string; streams: readonly string[] }[];
  readonly tickValue: Uint8Array;
  readonly makeProgram: LaneProgramFactory;
  makeDecoder(): Decoder;
  /** The next record of a producer. */
  makeRecord(random: Random, partition: number): { key: Uint8Array | null; value: Uint8Array };
  /** The oracle: a pure fold of a lane's records from the first. */
  fold(records: readonly LogRecord[], partition: number): Expectation;
  describeSnapshot(snapshot: LaneSnapshot, partition: number): string;
  readRows(stream: string, bytes: Uint8Array, partition: number): OutputRow[];
}
