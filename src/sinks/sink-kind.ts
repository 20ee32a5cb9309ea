import type * as z from 'zod';
import type { CheckResult } from '../model/finding.ts';
import type { Clock } from '../model/time.ts';
import type { Sink } from './sink.ts';

/** What a sink may use of the engine around it. */
export interface SinkPorts {
  readonly clock: Clock;
  /** The database that holds our tables. */
  readonly database: string;
  /** Rows of a query over our tables; throws SINK_UNAVAILABLE while they do not answer. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Trouble that passes by itself. */
  onTrouble(error: unknown): void;
  /** The sink cannot go on, and the engine with it. */
  fail(error: unknown): void;
}

/** The text of a PEM file; throws CONFIG_INVALID with the name of the setting. */
export type ReadPem = (path: string, setting: string) => string;

/**
 * A kind of sink that a section of the configuration switches on: all that the engine, the drawing, the
 * reference of settings and `paceline doctor` know of it. `src/adapters/sinks.ts` lists the kinds.
 */
export interface SinkKind<Section extends z.ZodType> {
  readonly section: Section;
  /** What it does, in a few words: the label of the drawing. */
  readonly does: string;
  /** The streams that its sinks take. */
  readonly streams: readonly string[];
  /** False: nobody asked for it. */
  isConfigured(settings: z.infer<Section>): boolean;
  /** Why it stands idle although it is configured; null = it runs. */
  whyIdle(stream: { readonly mode: 'live' | 'replayed' }): string | null;
  /** Opens nothing that it waits for: a server that is away is found out by the first delivery. */
  open(settings: z.infer<Section>, ports: SinkPorts, readPem: ReadPem): Sink;
  /** Its checks by their ids: what is looked at, and what to do or know when it is not in order. */
  readonly checks: Readonly<Record<string, string>>;
  /** For `doctor`, which asks only where it is configured. */
  check(settings: z.infer<Section>, readPem: ReadPem): Promise<CheckResult[]>;
}

/** Names the type of a kind once. */
export function sinkKind<Section extends z.ZodType>(kind: SinkKind<Section>): SinkKind<Section> {
  return kind;
}
