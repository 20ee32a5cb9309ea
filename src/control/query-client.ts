import { createReadStream, createWriteStream } from 'node:fs';
import { type Agent, type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { Readable } from 'node:stream';
import { text as streamText } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
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
  const asked = { ...endpoint, headers: { ...endpoint.headers, ...headers } };
  const { status, format, text } = await post(url, asked, sql, { agent, signal }).catch((cause: unknown) => {
    if (signal?.aborted) throw signal.reason;
    throw noAnswer(endpoint, cause);
  });
  if (status === 200) return readAnswer(text, format);
  throw refusalOf(status, text);
}

function noAnswer(endpoint: QueryEndpoint, cause: unknown): EngineError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const hint = isTlsRefusal(error) ? '; check clickhouse.ca_file and clickhouse.url' : '';
  const message = `no answer from ClickHouse at ${endpoint.url}: ${error.message}${hint}`;
  return new EngineError('SINK_UNAVAILABLE', message, { cause });
}

function refusalOf(status: number, text: string): EngineError {
  const isRefused = status === 401 || status === 403;
  return new EngineError(isRefused ? 'QUERY_REFUSED' : 'QUERY_FAILED', text.trim() || `HTTP ${status}`);
}

/**
 * Asks one query that names a FORMAT of its own, and writes the answer to a new file as it comes. Throws as
 * `askClickHouse` does; a server that fails in the middle breaks its answer off, and so it is not whole.
 */
export async function downloadFromClickHouse(endpoint: QueryEndpoint, sql: string, path: string): Promise<void> {
  const response = await send(new URL(endpoint.url), endpoint, sql).catch((cause: unknown) => {
    throw noAnswer(endpoint, cause);
  });
  if (response.statusCode !== 200) throw refusalOf(response.statusCode ?? 0, await streamText(response));
  try {
    await pipeline(response, createWriteStream(path, { flags: 'wx' }));
  } catch (cause) {
    throw noAnswer(endpoint, cause);
  }
}

/** Sends a file as the rows of an INSERT that names its FORMAT. Throws as `askClickHouse` does. */
export async function uploadToClickHouse(endpoint: QueryEndpoint, sql: string, path: string): Promise<void> {
  const url = new URL(endpoint.url);
  url.searchParams.set('query', sql);
  const response = await send(url, endpoint, createReadStream(path)).catch((cause: unknown) => {
    throw noAnswer(endpoint, cause);
  });
  const text = await streamText(response);
  if (response.statusCode !== 200) throw refusalOf(response.statusCode ?? 0, text);
}

interface RawAnswer {
  readonly status: number;
  /** As ClickHouse names it; null when it does not. */
  readonly format: string | null;
  readonly text: string;
}

interface Sending {
  readonly agent?: Agent | undefined;
  readonly signal?: AbortSignal | undefined;
}

async function post(url: URL, endpoint: QueryEndpoint, body: string, sending: Sending): Promise<RawAnswer> {
  const response = await send(url, endpoint, body, sending);
  const format = response.headers['x-clickhouse-format'];
  const text = await streamText(response);
  return { status: response.statusCode ?? 0, format: typeof format === 'string' ? format : null, text };
}

/** `fetch` cannot be told whom to trust. */
function send(
  url: URL,
  { headers, ca }: QueryEndpoint,
  body: string | Readable,
  { agent, signal }: Sending = {},
): Promise<IncomingMessage> {
  const open = url.protocol === 'https:' ? requestSecure : requestPlain;
  const options = { method: 'POST', headers: { ...headers }, ...(ca && { ca }), ...(agent && { agent }) };
  return new Promise((resolve, reject) => {
    const request = open(url, { ...options, ...(signal && { signal }) }, resolve);
    request.on('error', reject);
    if (typeof body === 'string') request.end(body);
    else pipeline(body, request).catch(reject);
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
