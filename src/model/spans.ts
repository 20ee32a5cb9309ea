import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { EngineError } from './errors.ts';

/**
 * Work as a span of OpenTelemetry, through its API alone: where nobody listens (control/tracing/), this is next to
 * nothing. Attributes hold names, codes and counts; never a secret, a body, a path or the words of an error.
 */
interface SpanOptions {
  /** What waits for an answer from elsewhere is a client. */
  readonly kind?: 'internal' | 'client';
  readonly attributes?: Attributes;
}

const kinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;
const tracerName = 'paceline';

/** Runs `work` inside a span of its own; an error that it ends with is noted by its code. */
export function inSpan<T>(name: string, { kind = 'internal', attributes = {} }: SpanOptions, work: () => Promise<T>) {
  return trace.getTracer(tracerName).startActiveSpan(name, { kind: kinds[kind], attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      failSpan(span, error instanceof EngineError ? error.code : 'INTERNAL');
      throw error;
    } finally {
      span.end();
    }
  });
}

function failSpan(span: Span, code: string): void {
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Says more of the span that is under way here. */
export function noteOnSpan(name: string, value: string | number | boolean): void {
  trace.getActiveSpan()?.setAttribute(name, value);
}

/** The span of a call from outside, and where its work belongs. */
interface CallSpan {
  /** As logs name it; null where it is not recorded. */
  readonly traceId: string | null;
  /** Runs as a part of the call. */
  during<T>(work: () => T): T;
  /** `failure` is of ours; what callers do wrong is an attribute alone. */
  end(name: string, attributes: Attributes, failure: string | null): void;
}

/** Begins the span of a call, as a part of the trace that its headers name (W3C traceparent). */
export function beginCall(headers: object, name: string): CallSpan {
  const above = propagation.extract(ROOT_CONTEXT, headers);
  const span = trace.getTracer(tracerName).startSpan(name, { kind: SpanKind.SERVER }, above);
  const inside = trace.setSpan(above, span);
  return {
    traceId: span.isRecording() ? span.spanContext().traceId : null,
    during: (work) => context.with(inside, work),
    end(shown, attributes, failure) {
      span.updateName(shown);
      span.setAttributes(attributes);
      if (failure !== null) failSpan(span, failure);
      span.end();
    },
  };
}

/** Headers that make what we ask of others a part of the trace under way; none where there is none. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  if (trace.getActiveSpan()?.isRecording()) propagation.inject(context.active(), headers);
  return headers;
}

/** Runs `work` in no trace: what is asked again and again for hours is no part of the call that began it. */
export function untraced<T>(work: () => T): T {
  return context.with(unsampled, work);
}

const unsampled: Context = trace.setSpanContext(ROOT_CONTEXT, {
  ...{ traceId: 'f'.repeat(32), spanId: 'f'.repeat(16) },
  traceFlags: TraceFlags.NONE,
});
