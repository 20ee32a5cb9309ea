import type { Logger } from '../control/logs/logger.ts';
import type { Metrics } from '../control/metrics/metrics.ts';
import type { QueryEndpoint } from '../control/query-client.ts';
import type { EngineStatus, SinkStatus } from '../control/status.ts';
import type { EngineError } from '../model/errors.ts';
import type { Clock } from '../model/time.ts';
import type { AppliedPlan } from '../plans/apply-plans.ts';
import type { PlanDraft } from '../rules/plan.ts';
import type { ServingServer } from '../serving/http/serving-server.ts';
import type { EventEncoder, RecordAppender } from '../simulator/produce-records.ts';

/** What an engine is opened with, beside its configuration. */
export interface EngineContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** Append nothing of our own (no tick, no plan); lanes stand still until `drain`, which ends them. */
  readonly isUntilEnd: boolean;
  /** Start a new stream generation when the directory belongs to another stream. */
  readonly isNewGeneration: boolean;
  /** Ends the waiting for parts that are not there yet. */
  readonly signal: AbortSignal;
  /** A part is asked for. */
  onOpening?(part: string): void;
  /** A part is not there yet; it is asked again until it is, so the order of starting does not matter. */
  onWaiting(part: string, error: EngineError): void;
}

/** Whether an engine comes on, for whoever has no patience without end. */
export interface EngineStanding {
  /** Another text whenever anything was read, committed or delivered. */
  readonly progress: string;
  /** What is waited out now; null = nothing. */
  readonly trouble: Error | null;
}

/** An opened engine as the app sees it: doors are open, lanes stand still until `start`. */
export interface EngineParts {
  readonly generation: number;
  /** Null when the engine runs without tables. */
  readonly queries: QueryEndpoint | null;
  /** Starts lanes, ticks and bronze. `onFailure` is called once when they cannot go on. */
  start(onFailure: (error: unknown) => void): void;
  /** Resolves when all that the log holds at the call is applied, committed, delivered and in bronze. */
  drain(signal?: AbortSignal): Promise<void>;
  /** Last commit, sinks flushed, doors closed; what cannot be flushed stays in the outbox. */
  close(): Promise<void>;
  sinks(): readonly SinkStatus[];
  undeliveredBytes(): number;
  /** The bronze table; null when it is switched off. */
  bronze(): { readonly location: string; readonly snapshots: number; readonly records: number } | null;
  /** How far it is, and what it waits out. */
  standing(): EngineStanding;
  /** Null when all lanes are restored and all sinks answer. */
  whyNotReady(): string | null;
  /** Null when the lanes turn. */
  whyNotLive(): string | null;
  /** Appends records of this process to the log in the data directory; null where producers of their own do. */
  readonly producer: LogProducer | null;
  /** Appends the plans that changed. */
  applyDrafts(drafts: readonly PlanDraft[]): Promise<AppliedPlan[]>;
  /** Takes the records of a request into the log in the data directory. Throws USAGE where producers of their own write it. */
  appendRecords(body: string): Promise<{ readonly appended: number }>;
  /** Opens the API over the tables and plans of this engine; null where the configuration wants none. */
  serve(door: EngineDoor): Promise<ServingServer | null>;
  /** Tells other processes where this engine answers (engine.json). */
  announce(addresses: { http: string | null; api: string | null; token: string }): Promise<void>;
}

/** What the API of an engine shows of it, and who it lets in. */
export interface EngineDoor {
  readonly version: string;
  readonly metrics: Metrics;
  readonly status: () => EngineStatus;
  /** Of the operator. */
  readonly token: () => string;
}

interface LogProducer {
  readonly log: RecordAppender;
  readonly encoder: EventEncoder;
}
