import type { EventBatch } from '../events/event-batch.ts';
import type { FiledRun } from '../events/filed-run.ts';
import type { RecordRun } from '../events/record-run.ts';
import { fileRecords } from '../operators/file-records.ts';
import type { LaneHarvest, LaneProgram, StreamRows } from '../runtime/lane-program.ts';
import { type Named, Topology } from './topology.ts';

/** What stands on the map of bronze. */
interface FilingOperator extends Named {
  file(run: RecordRun, batch: EventBatch): FiledRun;
}

/** The map of bronze: every record of the log, as it came, into one table. */
export const bronzeTopology = Topology.of<FilingOperator>('bronze')
  .source('events', 'read once more, at its own pace')
  .step('decode', 'bytes to columns')
  .operator({ name: 'file', does: 'organization, event time and kind of each record', file: fileRecords });

interface BronzeLaneOptions {
  /** A commit takes at most about this much, over all lanes. */
  readonly commitBytes: number;
  readonly commitRecords: number;
}

/** Names of a lane that are remembered: without a bound every campaign ever seen would stay in memory. */
const namesKeptMax = 16_384;
const nothing = new Uint8Array(0);

/** The topology of one lane of bronze. Its state is the table itself, so there is nothing to restore. */
export class BronzeLane implements LaneProgram {
  readonly isAlertPending = false;
  readonly namesKeptMax = namesKeptMax;
  readonly tally = { applied: 0, dead: 0, late: 0, dropped: 0, control: 0 };
  clockMs = Number.NEGATIVE_INFINITY;
  readonly #bytesOfRecord: number;
  #filed: FiledRun[] = [];
  #bytes = 0;
  #records = 0;

  constructor({ commitBytes, commitRecords }: BronzeLaneOptions) {
    this.#bytesOfRecord = commitBytes / commitRecords;
  }

  /** Small records fill a commit by their number: a file of too many rows cannot be written in one go. */
  get dirtyBytes(): number {
    return Math.max(this.#bytes, this.#records * this.#bytesOfRecord);
  }

  apply(batch: EventBatch, run: RecordRun): void {
    for (const { file } of bronzeTopology.operators) this.#filed.push(file(run, batch));
    this.#records += run.count;
    this.#bytes += this.#filed.at(-1)?.bytes.length ?? 0;
    this.tally.applied += run.count;
    for (let row = 0; row < run.count; row++) this.clockMs = Math.max(this.clockMs, run.logTimes[row]);
  }

  harvest(): LaneHarvest {
    const filed = this.#filed;
    this.#filed = [];
    this.#bytes = 0;
    this.#records = 0;
    return { delta: nothing, bases: [], oldestDeltaSeq: 0, outputs: [], filed };
  }

  /** It remembers nothing of the log's tail. */
  tailStart(): number {
    return Number.POSITIVE_INFINITY;
  }
  remember(): void {}

  rememberRefused(): void {}
  restore(): void {}
  distrustBases(): void {}

  inPresentShape(stored: StreamRows): StreamRows {
    return stored;
  }
}
