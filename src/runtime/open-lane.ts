import type { Decoder } from '../decoders/decoder.ts';
import type { EventBatch, LaneDictionaries } from '../events/event-batch.ts';
import { EngineError } from '../model/errors.ts';
import { publishFact } from '../model/facts.ts';
import type { Source } from '../sources/source.ts';
import type { LaneMeta, LaneSnapshot } from '../state/state-store.ts';
import { type CheckpointPorts, emit } from './checkpoint.ts';
import type { LaneProgram, StreamRows } from './lane-program.ts';
import { LaneSession } from './lane-session.ts';
import { decodeChunk } from './outbox.ts';

export interface OpenLanePorts extends CheckpointPorts {
  readonly source: Source;
  readonly decoder: Decoder;
  /** One for all lanes: full from a call of the decoder until its caller next waits for anything. */
  readonly batch: EventBatch;
}

interface LaneToOpen {
  readonly partition: number;
  readonly name: string;
  readonly dictionaries: LaneDictionaries;
  readonly token: string;
  readonly program: LaneProgram;
}

/**
 * Makes a lane ours and brings it to where its last commit left it: the mirror of `commitRound`.
 *
 * 1. Claim it: from now on every other owner is fenced.
 * 2. Restore the program from what the store holds.
 * 3. Read the tail of the log back into the program's duplicate memory, which is not committed.
 * 4. Seek to the first offset that no commit covers.
 * 5. Deliver the outbox again: its chunks are true, but some sink may not have them.
 *
 * Throws STATE_UNAVAILABLE or REGISTRY_UNAVAILABLE when trying all of it again helps, and
 * OFFSET_OUT_OF_RANGE when the log no longer holds what the state needs; LOG_TRUNCATED when it has lost
 * records that the state has applied.
 */
export async function openLane(lane: LaneToOpen, ports: OpenLanePorts): Promise<LaneSession> {
  const { store } = ports;
  // 1. Claim it.
  const snapshot = await store.claim(lane.name, lane.token);
  ports.dispatch.laneClaimed(lane.name);
  try {
    return await openClaimed(lane, snapshot, ports);
  } catch (error) {
    if (!isForgotten(error)) throw error;
    // A process that stood still meanwhile holds an old answer: another owner went on, and the log forgot what
    // that one needs no more. Only who still owns the lane may say that the log is too short.
    const outcome = await store.check(lane.name, lane.token, snapshot.meta?.seq ?? 0);
    if (outcome === 'OK') throw error;
    const detail = `lane ${lane.name} went on elsewhere while it was opened`;
    throw new EngineError('STATE_UNAVAILABLE', detail, { cause: error });
  }
}

async function openClaimed(lane: LaneToOpen, snapshot: LaneSnapshot, ports: OpenLanePorts): Promise<LaneSession> {
  const { source, clock } = ports;
  const { program, token, partition, name } = lane;
  // 2. Restore. A lane that never committed starts where the log starts, never at its end.
  program.restore(snapshot);
  const { start, end } = await source.bounds(partition);
  const meta: LaneMeta = snapshot.meta ?? { seq: 0, nextOffset: start };
  const tailStart = snapshot.meta === null ? meta.nextOffset : Math.min(program.tailStart(), meta.nextOffset);
  requireHeld(name, Math.min(tailStart, meta.nextOffset), meta.nextOffset, { start, end });
  // 3. Read the tail back.
  if (tailStart < meta.nextOffset) await rememberTail(lane, tailStart, meta.nextOffset, ports);
  // 4. Seek. The log says here whether it is still the one that was read.
  await source.seek(partition, meta.nextOffset, meta.leaderEpoch);
  // 5. Deliver the outbox again.
  const session = new LaneSession(lane, token, program, meta, clock.steadyMs());
  const present = (rows: StreamRows): StreamRows => program.inPresentShape(rows);
  const chunks = snapshot.outbox.map(({ seq, bytes }) => ({ seq, streams: decodeChunk(bytes).map(present) }));
  if (ports.isStopped()) return session;
  for (const { seq, streams } of chunks) emit(session, { seq, streams, isOld: false }, ports);
  const { seq, nextOffset } = meta;
  publishFact('lane.claimed', { lane: name, partition, seq, nextOffset, chunksRedelivered: chunks.length });
  return session;
}

/** The log no longer holds an offset that was asked for. */
export function isForgotten(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'OFFSET_OUT_OF_RANGE';
}

function requireHeld(lane: string, from: number, to: number, held: { start: number; end: number }): void {
  if (from >= held.start && to <= held.end) return;
  throw new EngineError(
    to > held.end ? 'LOG_TRUNCATED' : 'OFFSET_OUT_OF_RANGE',
    `lane ${lane} needs offsets ${from} to ${to}, the log holds ${held.start} to ${held.end}`,
  );
}

async function rememberTail(lane: LaneToOpen, from: number, to: number, ports: OpenLanePorts): Promise<void> {
  const { decoder, source, batch } = ports;
  for await (const run of source.readBack(lane.partition, from, to)) {
    if (ports.isStopped()) return;
    const decode = (): number => decoder.decode(run, batch.of(lane.dictionaries));
    for (let schema = decode(); schema >= 0; schema = decode()) await decoder.learn(schema);
    lane.program.remember(batch);
  }
}
