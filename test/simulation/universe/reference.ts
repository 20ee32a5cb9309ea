import type { Decoder } from '../../../src/decoders/decoder.ts';
import { createDecoder } from '../../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../../src/decoders/event-schemas.ts';
import { EventBatch } from '../../../src/events/event-batch.ts';
import { internalErrorDetail } from '../../../src/events/record-failures.ts';
import type { RecordRun } from '../../../src/events/record-run.ts';
import { stateFormat } from '../../../src/lane/lane-codec.ts';
import { ByteWriter } from '../../../src/model/byte-codec.ts';
import { assert } from '../../../src/model/errors.ts';
import type { LaneSnapshot } from '../../../src/state/state-store.ts';
import { CampaignLane } from '../../../src/topology/campaign-topology.ts';
import { firstRun, type LogRecord, type SimulatedLog, toRun } from '../simulated-log.ts';
import { isBeyondProgram } from './bugs.ts';
import { universeLimits } from './shares.ts';
import { unknownSchemaId } from './traffic.ts';

/** A decoder that knows what a universe sends, the schema that nobody registered included. */
export async function makeReferenceDecoder(): Promise<Decoder> {
  const decoder = createDecoder(new EmbeddedRegistry());
  await decoder.learn(unknownSchemaId);
  return decoder;
}

interface ReferredLane {
  readonly partition: number;
  readonly generation: number;
  readonly planKey: string | null;
}

/** A lane that folds its log without engine, batches or crashes. */
interface Cursor {
  readonly lane: CampaignLane;
  readonly batch: EventBatch;
  at: number;
  /** Every delta so far: together they are the state at `at`. */
  readonly deltas: { seq: number; bytes: Uint8Array }[];
}

/**
 * What a commit must hold: the delta that the same operators give when they fold the log from its first
 * record in one go, cut where the commits cut it. The operators themselves are judged by the oracle.
 */
export class LaneReference {
  readonly #log: SimulatedLog;
  readonly #lane: ReferredLane;
  readonly #decoder: Decoder;
  readonly #cursors: Cursor[] = [];

  constructor(log: SimulatedLog, lane: ReferredLane, decoder: Decoder) {
    this.#log = log;
    this.#decoder = decoder;
    this.#lane = lane;
  }

  /** The delta of the records [from, to), committed as `seq`. */
  delta(from: number, to: number, seq: number): Uint8Array {
    const cursor = this.#cursorAt(from);
    return this.#advance(cursor, to, seq);
  }

  /** All state at `offset`, where a delta ended before: bytes that an equal state gives too. */
  state(offset: number): string | null {
    const cursor = this.#cursors.find(({ at }) => at === offset);
    return cursor === undefined ? null : describeState({ bases: new Map(), deltas: cursor.deltas });
  }

  #cursorAt(offset: number): Cursor {
    const found = this.#cursors.find(({ at }) => at === offset);
    if (found !== undefined) return found;
    const partitions = this.#log.partitionCount;
    const lane = new CampaignLane({ ...this.#lane, partitions }, universeLimits);
    const cursor: Cursor = { lane, batch: new EventBatch(64), at: 0, deltas: [] };
    if (offset > 0) this.#advance(cursor, offset, 1);
    this.#cursors.push(cursor);
    return cursor;
  }

  #advance(cursor: Cursor, to: number, seq: number): Uint8Array {
    const records = this.#log.read(this.#lane.partition, cursor.at, Number.POSITIVE_INFINITY, to);
    for (let at = 0; at < records.length; ) {
      const some = takeable(firstRun(records.slice(at)));
      const run = asTaken(toRun(this.#log.topic, this.#lane.partition, some), some);
      assert(this.#decoder.decode(run, cursor.batch) < 0, 'the decoder knows every schema of a universe');
      cursor.lane.apply(cursor.batch, run);
      at += some.length;
    }
    const { delta } = cursor.lane.harvest(seq);
    cursor.at = to;
    cursor.deltas.push({ seq, bytes: delta });
    return delta;
  }
}

/** The first of them that make a run: what is beyond the program stands alone. */
function takeable(records: readonly LogRecord[]): readonly LogRecord[] {
  const beyond = records.findIndex(({ value }) => isBeyondProgram(value));
  return beyond < 0 ? records : records.slice(0, Math.max(1, beyond));
}

function asTaken(run: RecordRun, [first]: readonly LogRecord[]): RecordRun {
  if (!isBeyondProgram(first.value)) return run;
  return { ...run, unreadable: { reason: 'internal_error', detail: internalErrorDetail, offsets: 1 } };
}

/** A seq that no commit of a universe has. */
const emptySeq = 1e9;
const emptyDelta = makeEmptyDelta();

function makeEmptyDelta(): Uint8Array {
  const out = new ByteWriter();
  out.count(stateFormat);
  out.count(emptySeq);
  out.count(0); // Ends a list of no sections.
  return out.take();
}

/** A stored lane as one text: everything that a restore of it brings back. */
export function describeState({ bases, deltas }: Pick<LaneSnapshot, 'bases' | 'deltas'>): string {
  const { codec } = new CampaignLane({ partition: 0, partitions: 1, generation: 1 });
  // A last delta that changes nothing makes every group count as changed since its base.
  codec.restore({ meta: { seq: emptySeq }, bases, deltas: [...deltas, { seq: emptySeq, bytes: emptyDelta }] });
  const groups = codec.writeBases(1, 1e9).toSorted((a, b) => a.group - b.group);
  return groups.map(({ group, bytes }) => `${group}:${Buffer.from(bytes).toString('latin1')}`).join('\n');
}
