import { context, propagation, trace } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Clock } from '../../model/time.ts';
import type { Logger } from '../logs/logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type TracingSettings, tracesUrl } from './config.ts';
import { BoundedSampler } from './sampler.ts';
import { EngineTracer } from './trace-engine.ts';

export interface TracingContext {
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

interface Trust {
  /** PEM text of the authorities to trust; null = the system's. */
  readonly ca: string | null;
}

export interface Tracing {
  /** Sends what is waiting, for a moment, and ends. */
  close(): Promise<void>;
}

const queueMax = 8_192;
const batchMax = 512;
const sendEveryMs = 2_000;
const exportMaxMs = 5_000;
const closeMaxMs = 2_000;

/** Sends spans to the collector of the configuration. The SDK is loaded here, and only where there is one. */
export async function startTracing(settings: TracingSettings, parts: TracingContext & Trust): Promise<Tracing> {
  if (settings.endpoint === null) return { close: () => Promise.resolve() };
  const { clock, version, ca } = parts;
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }, { W3CTraceContextPropagator }, hooks] =
    await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/core'),
      import('@opentelemetry/context-async-hooks'),
    ]);
  const { header_name, header_value } = settings;
  const exporter = new OTLPTraceExporter({
    url: tracesUrl(settings.endpoint),
    timeoutMillis: exportMaxMs,
    ...(header_value !== null && { headers: { [header_name]: header_value } }),
    ...(ca !== null && { httpAgentOptions: { ca } }),
  });
  const processor = new sdk.BatchSpanProcessor({
    exporter: toldOf(exporter, parts),
    ...{ maxQueueSize: queueMax, maxExportBatchSize: batchMax },
    ...{ scheduledDelayMillis: sendEveryMs, exportTimeoutMillis: exportMaxMs },
  });
  const common = {
    resource: resourceFromAttributes({
      ...{ 'service.name': settings.service_name, 'service.version': version },
      'process.pid': process.pid,
    }),
    spanProcessors: [processor],
    spanLimits: { attributeValueLengthLimit: 256, attributeCountLimit: 32, eventCountLimit: 64, linkCountLimit: 8 },
  };
  const ofNew = new sdk.TraceIdRatioBasedSampler(settings.ratio);
  const calls = new sdk.TracerProvider({
    ...common,
    sampler: new BoundedSampler({
      ...{ ofNew, tracesPerSecond: settings.traces_per_second, steadyMs: () => clock.steadyMs() },
    }),
  });
  const engine = new sdk.TracerProvider({ ...common, sampler: new sdk.AlwaysOnSampler() });
  trace.setGlobalTracerProvider(calls);
  context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const engineTracer = new EngineTracer({
    ...{ tracer: engine.getTracer('paceline.engine'), clock, everyMs: settings.engine_every_s * 1_000 },
  });
  return {
    async close() {
      engineTracer[Symbol.dispose]();
      for (const api of [trace, context, propagation]) api.disable();
      const late = new AbortController();
      // Spans are worth no wait: a collector that is away keeps nothing from ending.
      await Promise.race([
        processor.shutdown().catch(toldAlready),
        clock.sleep(closeMaxMs, late.signal).catch(() => undefined),
      ]);
      late.abort();
    },
  };
}

/** What could not be sent is counted and told where it was tried. */
const toldAlready = (): void => undefined;

/** Counts what is sent; the log tells when it begins to fail, and when it goes again. */
function toldOf(exporter: SpanExporter, { log, metrics }: TracingContext): SpanExporter {
  let isFailing = false;
  return {
    export(spans: ReadableSpan[], done) {
      exporter.export(spans, (result) => {
        // `ExportResultCode` of the SDK: 0 = it was taken.
        const hasFailed = result.code !== 0;
        metrics.add('paceline_spans_total', { outcome: hasFailed ? 'lost' : 'sent' }, spans.length);
        if (hasFailed && !isFailing) log.warn('tracing.not_sent', { error: result.error ?? new Error('no answer') });
        if (!hasFailed && isFailing) log.info('tracing.sent_again', {});
        isFailing = hasFailed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
