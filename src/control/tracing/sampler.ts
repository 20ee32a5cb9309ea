import {
  type Attributes,
  type Context,
  isSpanContextValid,
  type Link,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { Sampler, SamplingResult } from '@opentelemetry/sdk-trace';

interface BoundedSamplerOptions {
  /** Decides for calls that belong to no trace yet. */
  readonly ofNew: Sampler;
  readonly tracesPerSecond: number;
  readonly steadyMs: () => number;
}

// `SamplingDecision` of the SDK, which is loaded where spans are exported alone.
const notRecorded: SamplingResult = { decision: 0 };
const sampled: SamplingResult = { decision: 2 };

/**
 * Whole traces or nothing of them, and so many a second at most: who calls may ask for a trace by its header, but
 * not for as many as it likes.
 */
export class BoundedSampler implements Sampler {
  readonly #options: BoundedSamplerOptions;
  #second = Number.NEGATIVE_INFINITY;
  #taken = 0;

  constructor(options: BoundedSamplerOptions) {
    this.#options = options;
  }

  shouldSample(
    above: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    const parent = trace.getSpanContext(above);
    if (parent === undefined || !isSpanContextValid(parent)) {
      // What we ask for ourselves, from time to time, is no call.
      if (kind !== SpanKind.SERVER) return notRecorded;
      const { decision } = this.#options.ofNew.shouldSample(above, traceId, name, kind, attributes, links);
      return decision === sampled.decision ? this.#take() : notRecorded;
    }
    if ((parent.traceFlags & TraceFlags.SAMPLED) === 0) return notRecorded;
    return parent.isRemote ? this.#take() : sampled;
  }

  toString(): string {
    return `BoundedSampler{${this.#options.ofNew}, ${this.#options.tracesPerSecond}/s}`;
  }

  #take(): SamplingResult {
    const second = Math.floor(this.#options.steadyMs() / 1_000);
    if (second !== this.#second) this.#taken = 0;
    this.#second = second;
    if (this.#taken >= this.#options.tracesPerSecond) return notRecorded;
    this.#taken += 1;
    return sampled;
  }
}
