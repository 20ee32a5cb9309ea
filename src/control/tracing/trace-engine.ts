import { type Link, ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { EngineError } from '../../model/errors.ts';
import { type FactName, type Facts, onFact } from '../../model/facts.ts';
import type { Clock } from '../../model/time.ts';

interface EngineTracerOptions {
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly everyMs: number;
}

/** A round of a thousand lanes is still one small span. */
const lanesShownMax = 32;

/** Spans of what the engine does between a record and a row, made of its facts after the event, and few of them. */
export class EngineTracer implements Disposable {
  readonly #options: EngineTracerOptions;
  readonly #stops: (() => void)[] = [];
  /** Steady time from which a thing is told again, by thing. */
  readonly #quietUntilMs = new Map<string, number>();
  #lanes: Facts['lane.committed'][] = [];
  #lastRound: SpanContext | null = null;

  constructor(options: EngineTracerOptions) {
    this.#options = options;
    // Lanes of a round are told right before the round.
    this.#on('lane.committed', (fact) => {
      if (this.#lanes.length < lanesShownMax) this.#lanes.push(fact);
    });
    this.#on('round.committed', (round) => this.#traceRound(round));
    this.#on('sink.delivered', (delivered) => this.#traceDelivery(delivered));
    this.#on('state.failed', ({ call, attempt, error }) =>
      this.#traceFailure('commit', { 'paceline.call': call, 'paceline.attempt': attempt }, error),
    );
    this.#on('sink.failed', ({ sink, attempt, error }) =>
      this.#traceFailure(`deliver ${sink}`, { 'paceline.sink': sink, 'paceline.attempt': attempt }, error),
    );
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop();
  }

  #on<Name extends FactName>(name: Name, listener: (fact: Facts[Name]) => void): void {
    this.#stops.push(onFact(name, listener));
  }

  #isDue(thing: string): boolean {
    const now = this.#options.clock.steadyMs();
    if (now < (this.#quietUntilMs.get(thing) ?? Number.NEGATIVE_INFINITY)) return false;
    this.#quietUntilMs.set(thing, now + this.#options.everyMs);
    return true;
  }

  #traceRound({ lanes, bytes, durationMs, attempts }: Facts['round.committed']): void {
    const shown = this.#lanes;
    this.#lanes = [];
    if (!this.#isDue('round')) return;
    const endMs = this.#options.clock.wallMs();
    const attributes = { 'paceline.lanes': lanes, 'paceline.bytes': bytes, 'paceline.attempts': attempts };
    const span = this.#options.tracer.startSpan(
      'commit',
      { kind: SpanKind.CLIENT, startTime: endMs - durationMs, attributes },
      ROOT_CONTEXT,
    );
    for (const { lane, seq, nextOffset, result, bytes: own, streams } of shown)
      span.addEvent(
        'lane committed',
        {
          ...{ 'paceline.lane': lane, 'paceline.seq': seq, 'paceline.next_offset': nextOffset },
          ...{ 'paceline.result': result, 'paceline.bytes': own, 'paceline.rows': rowsOf(streams) },
        },
        endMs,
      );
    this.#lastRound = span.spanContext();
    span.end(endMs);
  }

  #traceDelivery({ sink, chunks, bytes, durationMs, streams }: Facts['sink.delivered']): void {
    if (!this.#isDue(`delivery ${sink}`)) return;
    const endMs = this.#options.clock.wallMs();
    // What a sink takes at once comes of several rounds: the last one that was traced is near, and no parent.
    const links: Link[] = this.#lastRound === null ? [] : [{ context: this.#lastRound }];
    const attributes = {
      ...{ 'paceline.sink': sink, 'paceline.chunks': chunks },
      ...{ 'paceline.bytes': bytes, 'paceline.rows': rowsOf(streams) },
    };
    const options = { kind: SpanKind.CLIENT, startTime: endMs - durationMs, attributes, links };
    this.#options.tracer.startSpan(`deliver ${sink}`, options, ROOT_CONTEXT).end(endMs);
  }

  #traceFailure(name: string, attributes: Record<string, string | number>, error: unknown): void {
    if (!this.#isDue(`failed ${name}`)) return;
    const code = error instanceof EngineError ? error.code : 'INTERNAL';
    const options = { kind: SpanKind.CLIENT, attributes: { ...attributes, 'error.type': code } };
    const span = this.#options.tracer.startSpan(name, options, ROOT_CONTEXT);
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}

function rowsOf(streams: readonly { readonly rows: number }[]): number {
  return streams.reduce((sum, { rows }) => sum + rows, 0);
}
