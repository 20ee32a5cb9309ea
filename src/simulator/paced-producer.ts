import type { Clock } from '../model/time.ts';
import type { Plan } from '../rules/plan.ts';
import { type EventEncoder, type RecordAppender, RecordProducer } from './produce-records.ts';
import { simulateWorld } from './simulate-world.ts';
import type { World } from './world.ts';

interface PacedProducerOptions {
  readonly world: World;
  readonly plans: readonly Plan[];
  /** A replayed log: the simulated log times are its clock. */
  readonly log: RecordAppender;
  readonly encoder: EventEncoder;
  /** Simulated time over real time; 7 200 = two hours a second. */
  readonly speed: number;
  readonly clock: Clock;
  /** Ends the producing after the batch under way. */
  readonly signal?: AbortSignal;
  /** After each batch. */
  readonly onProgress?: (progress: PacedProgress) => void;
  /** Default 100. */
  readonly batchMs?: number;
}

interface PacedProgress {
  readonly records: number;
  /** Log time up to which everything was produced. */
  readonly simulatedMs: number;
}

/** A machine that was away (laptop asleep) goes on where it was, it does not produce hours at once. */
const catchUpMs = 1_000;

/**
 * Feeds a log with a world as it would happen, `speed` times faster. Resolves with what was produced
 * when the world ends or the signal aborts. Throws LOG_FULL.
 */
export async function producePaced(options: PacedProducerOptions): Promise<PacedProgress> {
  const { world, clock, speed, signal, batchMs = 100 } = options;
  const producer = new RecordProducer(options.log, options.encoder);
  const records = simulateWorld(world, options.plans);
  let next = records.next();
  let simulatedMs = world.startMs;
  let before = clock.steadyMs() - batchMs;
  while (!next.done && !signal?.aborted) {
    const now = clock.steadyMs();
    simulatedMs += Math.min(Math.max(0, now - before), catchUpMs) * speed;
    before = now;
    while (!next.done && next.value.logTimeMs <= simulatedMs) {
      producer.add(next.value);
      if (producer.isFull) await producer.flush();
      next = records.next();
    }
    await producer.flush();
    options.onProgress?.({ records: producer.produced, simulatedMs });
    if (!next.done) await pause(clock, batchMs, signal);
  }
  return { records: producer.produced, simulatedMs: Math.min(simulatedMs, world.endMs) };
}

/** An abort ends the pause early; the loop sees the signal itself. */
async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (cause) {
    if (!signal?.aborted) throw cause;
  }
}
