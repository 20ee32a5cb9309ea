import { request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { type CheckResult, failed, ok } from '../../model/finding.ts';
import { type TracingSettings, tracesUrl } from './config.ts';

const id = 'tracing.reachable';
const answerMaxMs = 10_000;

/** Whether the collector takes a message without spans. `ca` is PEM text; null = the system's authorities. */
export async function checkCollector(
  { endpoint, header_name, header_value }: TracingSettings,
  ca: string | null,
): Promise<CheckResult> {
  const url = new URL(tracesUrl(endpoint!));
  const shown = `${url.origin}${url.pathname}`;
  const headers = { 'Content-Type': 'application/json', ...(header_value !== null && { [header_name]: header_value }) };
  try {
    const status = await post(url, headers, ca);
    if (status >= 200 && status < 300) return ok(id, `${shown} takes spans`);
    const isRefused = status === 401 || status === 403;
    const fix = isRefused
      ? 'Correct tracing.header_name and tracing.header_value.'
      : 'Correct tracing.endpoint: the collector must take OTLP over HTTP, often on port 4318 (gRPC has 4317).';
    return failed(id, `${shown} answers ${status}`, fix);
  } catch (error) {
    const fix =
      'Start the collector, or correct tracing.endpoint and tracing.ca_file; without endpoint nothing is traced.';
    return failed(id, `no answer from ${shown}: ${error instanceof Error ? error.message : String(error)}`, fix);
  }
}

function post(url: URL, headers: Record<string, string>, ca: string | null): Promise<number> {
  const open = url.protocol === 'https:' ? requestSecure : requestPlain;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(answerMaxMs);
    const call = open(url, { method: 'POST', headers, signal, ...(ca !== null && { ca }) }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    call.once('error', reject);
    call.end('{"resourceSpans":[]}');
  });
}
