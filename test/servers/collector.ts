import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import * as z from 'zod';

/** A collector of OTLP over HTTP in JSON, as strict as the protocol: what it does not understand it refuses. */
export interface Collector {
  readonly url: string;
  readonly spans: CollectedSpan[];
  /** Everything that was sent, as it was. */
  readonly texts: string[];
  readonly headers: Record<string, string | string[] | undefined>[];
  /** Status of answers from now on. */
  answer: number;
  spanNamed(name: string): CollectedSpan | undefined;
  close(): Promise<void>;
}

const value = z.strictObject({
  stringValue: z.string().optional(),
  intValue: z.union([z.int(), z.string().regex(/^-?\d+$/)]).optional(),
  doubleValue: z.number().optional(),
  boolValue: z.boolean().optional(),
});
const attributes = z.array(z.strictObject({ key: z.string().min(1), value }));
const traceId = z.string().regex(/^(?!0{32})[0-9a-f]{32}$/);
const spanId = z.string().regex(/^(?!0{16})[0-9a-f]{16}$/);
const nanos = z.string().regex(/^\d{19}$/);
const flags = z.int().optional();
const spanShape = z.strictObject({
  ...{ traceId, spanId, parentSpanId: spanId.optional(), traceState: z.string().optional() },
  ...{ name: z.string().min(1), kind: z.int().min(1).max(5), startTimeUnixNano: nanos, endTimeUnixNano: nanos, flags },
  ...{ attributes, droppedAttributesCount: z.literal(0), droppedEventsCount: z.int(), droppedLinksCount: z.int() },
  events: z.array(
    z.strictObject({ name: z.string(), timeUnixNano: nanos, attributes, droppedAttributesCount: z.literal(0) }),
  ),
  links: z.array(
    z.strictObject({
      traceId,
      spanId,
      traceState: z.string().optional(),
      attributes,
      droppedAttributesCount: z.int(),
      flags,
    }),
  ),
  status: z.strictObject({ code: z.int().min(0).max(2), message: z.string().optional() }),
});
const scope = z.object({ name: z.string(), version: z.string().optional() });
const message = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.looseObject({ attributes }),
      schemaUrl: z.string().optional(),
      scopeSpans: z.array(z.strictObject({ scope, spans: z.array(spanShape), schemaUrl: z.string().optional() })),
    }),
  ),
});

export interface CollectedSpan {
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { name: string; attributes: Readonly<Record<string, unknown>> }[];
  readonly links: readonly { traceId: string; spanId: string }[];
  readonly service: unknown;
  readonly ms: number;
}

const kinds = ['internal', 'internal', 'server', 'client'] as const;

function plain(list: z.infer<typeof attributes>): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value: given }) => [key, Object.values(given)[0]]));
}

function collect(text: string): CollectedSpan[] {
  return message.parse(JSON.parse(text)).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...{ name: span.name, kind: kinds[span.kind], traceId: span.traceId, spanId: span.spanId },
        ...{ parentSpanId: span.parentSpanId ?? null, isError: span.status.code === 2 },
        ...{ attributes: plain(span.attributes), links: span.links },
        events: span.events.map(({ name, attributes: own }) => ({ name, attributes: plain(own) })),
        service: plain(resource.attributes)['service.name'],
        ms: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
      })),
    ),
  );
}

export async function startCollector(): Promise<Collector> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8');
      collector.headers.push(request.headers);
      collector.texts.push(text);
      let status = collector.answer;
      try {
        if (request.url !== '/v1/traces') status = 404;
        else if (request.headers['content-type'] !== 'application/json') status = 415;
        else if (status === 200) collector.spans.push(...collect(text));
      } catch (error) {
        status = 400;
        collector.texts.push(String(error));
      }
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end('{"partialSuccess":{}}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ spans: [], texts: [], headers: [], answer: 200 },
    spanNamed: (name) => collector.spans.find((span) => span.name === name),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return collector;
}
