import * as z from 'zod';
import { filePath, httpUrl, secretText, setting } from '../../model/setting.ts';

/** Who is told of spans. */
export const tracingSection = z
  .strictObject({
    endpoint: setting(httpUrl().nullable().default(null), {
      doc: 'URL of an OpenTelemetry collector that takes OTLP over HTTP, such as http://localhost:4318; /v1/traces is appended. Null: nothing is traced.',
      reload: 'restart',
    }),
    header_name: setting(
      z
        .string()
        .regex(/^[A-Za-z0-9-]{1,64}$/)
        .default('Authorization'),
      { doc: 'Header that opens the collector to us.', reload: 'restart' },
    ),
    header_value: setting(secretText(), { doc: 'Its value. Null: none is sent.', reload: 'restart', secret: true }),
    ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
    service_name: setting(z.string().min(1).max(128).default('paceline'), {
      doc: 'What spans name as their service.',
      reload: 'restart',
    }),
    ratio: setting(z.number().min(0).max(1).default(1), {
      doc: 'Share of calls to trace among those that bring no trace along; one that does (traceparent) is traced as it says.',
      reload: 'restart',
    }),
    traces_per_second: setting(z.int().min(1).max(10_000).default(50), {
      doc: 'Calls that are traced in a second at most, whoever asks for it; further ones are not.',
      reload: 'restart',
    }),
    engine_every_s: setting(z.int().min(1).max(86_400).default(10), {
      doc: 'The engine traces one round of commits, one delivery to each sink, and one failure of each, in so many seconds.',
      reload: 'restart',
    }),
  })
  .prefault({});

export type TracingSettings = z.infer<typeof tracingSection>;

/** Where spans go. */
export function tracesUrl(endpoint: string): string {
  return endpoint.endsWith('/v1/traces') ? endpoint : `${endpoint.replace(/\/+$/, '')}/v1/traces`;
}
