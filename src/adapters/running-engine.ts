import type { QueryEndpoint } from '../control/query-client.ts';
import type { SinkStatus } from '../control/status.ts';
import type { BronzeTableStats } from '../lakehouse/layers/bronze/bronze-table.ts';
import { EngineError } from '../model/errors.ts';
import type { AppliedPlan } from '../plans/apply-plans.ts';
import type { PlanDraft } from '../rules/plan.ts';
import type { ProgramThread } from '../runtime/program-worker.ts';
import type { Runner } from '../runtime/runner.ts';
import type { ServingServer } from '../serving/http/serving-server.ts';
import type { EngineDoor, EngineParts, EngineStanding } from './engine-parts.ts';

export type BronzeThread = ProgramThread<BronzeTableStats>;

/** Carries a failure from a part that may fail before anybody listens. */
export class FailureRelay {
  #listener: ((error: unknown) => void) | null = null;
  #early: { readonly error: unknown } | null = null;

  tell(error: unknown): void {
    if (this.#listener) this.#listener(error);
    else this.#early ??= { error };
  }

  listen(listener: (error: unknown) => void): void {
    this.#listener = listener;
    if (this.#early) listener(this.#early.error);
  }
}

export interface OpenedDoors {
  readonly generation: number;
  readonly isUntilEnd: boolean;
  /** Made by us, because it must know where to report. */
  readonly makeRunner: (onError: (error: unknown, isFatal: boolean) => void) => Runner;
  readonly bronze: BronzeThread | null;
  /** Tells when bronze cannot go on. */
  readonly failures: FailureRelay;
  /** Which disk has no room, in words; null when all have. */
  readonly whyDiskFull: () => string | null;
  readonly queries: QueryEndpoint | null;
  readonly drainDeadlineMs: number;
  readonly announce: EngineParts['announce'];
  readonly serve: EngineParts['serve'];
  readonly applyDrafts: EngineParts['applyDrafts'];
  readonly appendRecords: EngineParts['appendRecords'];
  readonly producer: EngineParts['producer'];
  /** What was opened; closed after the lanes, last opened first. */
  readonly stack: AsyncDisposableStack;
}

/** Lanes, bronze and doors of one process as one thing to start, drain and close. */
export class RunningParts implements EngineParts {
  readonly generation: number;
  readonly queries: QueryEndpoint | null;
  readonly producer: EngineParts['producer'];
  readonly #doors: OpenedDoors;
  readonly #runner: Runner;
  #onFailure: (error: unknown) => void = () => {};
  #failure: unknown = null;
  #isStarted = false;

  constructor(doors: OpenedDoors) {
    this.#doors = doors;
    this.generation = doors.generation;
    this.producer = doors.producer;
    this.queries = doors.queries;
    this.#runner = doors.makeRunner((error, isFatal) => {
      if (isFatal) this.#fail(error);
    });
  }

  start(onFailure: (error: unknown) => void): void {
    this.#onFailure = onFailure;
    this.#isStarted = true;
    this.#doors.failures.listen((error) => this.#fail(error));
    // A bounded run starts when it is drained: it must know its end before it reads.
    if (!this.#doors.isUntilEnd) this.#runner.start().catch((error: unknown) => this.#fail(error));
  }

  async drain(signal?: AbortSignal): Promise<void> {
    const { isUntilEnd, bronze } = this.#doors;
    if (isUntilEnd) await this.#runner.untilEnd();
    else await this.#runner.catchUp(signal);
    if (!signal?.aborted) await bronze?.drain(isUntilEnd);
  }

  /** Lanes, then bronze, then doors; each is closed whatever the others do. */
  async close(): Promise<void> {
    const { isUntilEnd, drainDeadlineMs, stack, bronze } = this.#doors;
    const canDrain = this.#isStarted && !isUntilEnd && this.#failure === null;
    // The stack closes last what is put in first.
    if (bronze !== null) stack.defer(() => bronze.stop());
    // Nobody waits here for what waits itself, for a person or a server: the next start reads on where the table ends.
    if (bronze !== null && this.#failure === null)
      stack.defer(async () => {
        if (bronze.halts().size === 0 && bronze.trouble() === null) await bronze.drain();
      });
    stack.defer(async () => {
      if (!canDrain) await this.#runner.stop();
      else if (!(await this.#runner.drain(drainDeadlineMs))) {
        const message = `not everything could be flushed within ${drainDeadlineMs} ms; the next start delivers it`;
        throw new EngineError('SINK_UNAVAILABLE', message);
      }
    });
    await stack.disposeAsync();
  }

  sinks(): readonly SinkStatus[] {
    return this.#runner.status().sinks.map(({ name, isUp, rowsDelivered, chunksQueued, lastError }) => ({
      sink: name,
      is_up: isUp,
      rows: rowsDelivered,
      chunks_queued: chunksQueued,
      last_error: lastError,
    }));
  }

  undeliveredBytes(): number {
    return this.#runner.status().undeliveredBytes;
  }

  bronze(): { location: string; snapshots: number; records: number } | null {
    return this.#doors.bronze?.stats() ?? null;
  }

  standing(): EngineStanding {
    const { lanes, sinks } = this.#runner.status();
    const offsets = lanes.map(({ nextOffset, committedOffset, seq }) => [nextOffset, committedOffset, seq]);
    const progress = JSON.stringify([offsets, sinks.map(({ rowsDelivered }) => rowsDelivered), this.bronze()]);
    const down = sinks.find(({ isUp, lastError }) => !isUp && lastError !== null);
    const waiting = lanes.find(({ trouble }) => trouble !== null);
    const words =
      down !== undefined
        ? `sink ${down.name}: ${down.lastError}`
        : waiting !== undefined
          ? `lane ${waiting.lane}: ${waiting.trouble}`
          : null;
    return { progress, trouble: this.#doors.bronze?.trouble() ?? (words === null ? null : new Error(words)) };
  }

  whyNotReady(): string | null {
    const full = this.#doors.whyDiskFull();
    if (full !== null) return full;
    if (this.#runner.isReady()) return this.#whyBronzeWaits();
    const { lanes, sinks, failure } = this.#runner.status();
    const halted = lanes.find(({ pausedReason }) => pausedReason === 'halted');
    const closed = halted ?? lanes.find(({ isOpen }) => !isOpen);
    const refusing = sinks.find(({ isRejected }) => isRejected);
    if (failure !== null) return failure;
    if (refusing) return `sink ${refusing.name} refuses: ${refusing.lastError}`;
    if (closed === undefined) return 'the lanes are not running';
    const { lane, pausedReason, trouble } = closed;
    return trouble === null ? `lane ${lane} is being restored` : `lane ${lane} waits (${pausedReason}): ${trouble}`;
  }

  #whyBronzeWaits(): string | null {
    for (const [partition, error] of this.#doors.bronze?.halts() ?? [])
      return `bronze waits at partition ${partition} (halted): ${error.message}`;
    const trouble = this.#doors.bronze?.trouble() ?? null;
    return trouble === null ? null : `bronze waits: ${trouble.message}`;
  }

  whyNotLive(): string | null {
    return this.#failure === null ? null : String(this.#failure);
  }

  serve(door: EngineDoor): Promise<ServingServer | null> {
    return this.#doors.serve(door);
  }

  announce(addresses: Parameters<EngineParts['announce']>[0]): Promise<void> {
    return this.#doors.announce(addresses);
  }

  applyDrafts(drafts: readonly PlanDraft[]): Promise<AppliedPlan[]> {
    return this.#doors.applyDrafts(drafts);
  }

  appendRecords(body: string): Promise<{ readonly appended: number }> {
    return this.#doors.appendRecords(body);
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#onFailure(error);
  }
}
