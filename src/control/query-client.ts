import { type Agent, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { text as streamText } from 'node:stream/consumers';
import { EngineError } from '../model/errors.ts';
import { isTlsRefusal } from '../model/tls-refusal.ts';

/** Where a ClickHouse HTTP endpoint is, and what opens it. */
export interface QueryEndpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM text of the authorities to trust with https; absent = the system's. */
  readonly ca?: string;
}

/** An answer as columns and rows; or, when the query names a FORMAT of its own, its bytes as text. */
export type QueryAnswer =
  | { kind: 'rows'; columns: readonly { name: string; type: string }[]; rows: readonly (readonly unknown[])[] }
  | { kind: 'text'; text: string };

/** What a program asks with, beside the text of its query. */
export interface AskOptions {
  /** Values of `{name:Type}`, in ClickHouse's text form. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Connections to take; absent = those of the process. */
  readonly agent?: Agent;
  /** Ends the query; the call then rejects with its reason. */
  readonly signal?: AbortSignal;
}

interface JsonCompact {
  meta: { name: string; type: string }[];
  data: unknown[][];
}

/**
 * Asks one query over ClickHouse's HTTP protocol. 64-bit integers come as text, so that no digit is
 * lost. Throws QUERY_FAILED with ClickHouse's own words, QUERY_REFUSED, or SINK_UNAVAILABLE.
 */
export async function askClickHouse(
  endpoint: QueryEndpoint,
  sql: string,
  { parameters = {}, settings = {}, headers = {}, agent, signal }: AskOptions = {},
): Promise<QueryAnswer> {
  const url = new URL(endpoint.url);
  url.searchParams.set('default_format', 'JSONCompact');
  for (const [name, value] of Object.entries(settings)) url.searchParams.set(name, value);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(`param_${name}`, value);
  const { status, format, text } = await post(url, { ...endpoint, headers: { ...endpoint.headers, ...headers } }, sql, {
    agent,
    signal,
  }).catch((cause: Error) => {
    if (signal?.aborted) throw signal.reason;
    const hint = isTlsRefusal(cause) ? '; check clickhouse.ca_file and clickhouse.url' : '';
    const message = `no answer from ClickHouse at ${endpoint.url}: ${cause.message}${hint}`;
    throw new EngineError('SINK_UNAVAILABLE', message, { cause });
  });
  if (status === 200) return readAnswer(text, format);
  const isRefused = status === 401 || status === 403;
  throw new EngineError(isRefused ? 'QUERY_REFUSED' : 'QUERY_FAILED', text.trim() || `HTTP ${status}`);
}

interface RawAnswer {
  readonly status: number;
  /** As ClickHouse names it; null when it does not. */
  readonly format: string | null;
  readonly text: string;
}

/** `fetch` cannot be told whom to trust. */
function post(
  url: URL,
  { headers, ca }: QueryEndpoint,
  body: string,
  { agent, signal }: { agent: Agent | undefined; signal: AbortSignal | undefined },
): Promise<RawAnswer> {
  const open = url.protocol === 'https:' ? requestSecure : requestPlain;
  const options = { method: 'POST', headers: { ...headers }, ...(ca && { ca }), ...(agent && { agent }) };
  return new Promise((resolve, reject) => {
    const request = open(url, { ...options, ...(signal && { signal }) }, (response) => {
      const { statusCode = 0, headers: said } = response;
      const format = said['x-clickhouse-format'];
      streamText(response).then(
        (text) => resolve({ status: statusCode, format: typeof format === 'string' ? format : null, text }),
        reject,
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

function readAnswer(text: string, format: string | null): QueryAnswer {
  if (format !== null && format !== 'JSONCompact') return { kind: 'text', text };
  try {
    const { meta, data } = JSON.parse(text) as JsonCompact;
    if (Array.isArray(meta) && Array.isArray(data)) return { kind: 'rows', columns: meta, rows: data };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { kind: 'text', text };
}

/** The rows as objects by column name. */
export function rowsOf(answer: QueryAnswer): Record<string, unknown>[] {
  if (answer.kind !== 'rows') return [];
  return answer.rows.map((row) => Object.fromEntries(answer.columns.map(({ name }, index) => [name, row[index]])));
}
