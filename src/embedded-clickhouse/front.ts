import { unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { CallError, type Caller, callerOf, readBody, spoolBody, spoolBytes, type Tokens } from './http-call.ts';
import { packAnswer } from './packed-answer.ts';
import { boundSetting, readerSetting, tenantSettings, whyReaderMayNot } from './reader-guard.ts';
import { type DataInsert, formatClause, hasManyStatements, insertFromFile, readDataInsert } from './statement.ts';
import type { Statement, StatementQueue } from './statement-queue.ts';
import { readableSystemTables, tenantSystemTables } from './system-tables.ts';

interface FrontOptions {
  readonly queue: StatementQueue;
  readonly tokens: Tokens;
  /** Where bodies of inserts lie until they are in. */
  readonly spoolDirectory: string;
  /** Database of statements that name none. */
  readonly database: string;
  /** What one reader's query may take, so that all places of readers and the engine's own writes fit together. */
  readonly readerMemoryBytes: number;
  /** Lower-case names, from the engine. */
  readonly tableFunctions: ReadonlySet<string>;
  /** Tables of `database` whose rows belong to organizations. */
  readonly tenantTables: readonly string[];
}

const insertBytesMax = 256 * 1024 * 1024;
const statementBytesMax = 64 * 1024 * 1024;
const readerStatementBytesMax = 1024 * 1024;

const readerSecondsMax = 60;
/** Where the engine does not look at its clock, we end the query that much later. */
const limitGraceSeconds = 5;

/** What every reader runs under; the read-only mode also keeps their statement from changing the rest. */
const readerSettings: ReadonlyMap<string, string> = new Map([
  ['max_execution_time', String(readerSecondsMax)],
  ['max_result_bytes', String(statementBytesMax)],
  ['result_overflow_mode', 'throw'],
  ['max_threads', '2'],
  ['readonly', '1'],
]);

/** Parameters of the HTTP protocol that are no settings, or whose effect does not exist here. */
const protocolParameters =
  /^(query|database|user|password|default_format|compress|decompress|query_id|session_\w+|wait_end_of_query|buffer_size|quota_key|role|stacktrace|client_protocol_version|enable_http_compression|http_\w+|send_progress_in_http_headers|cancel_http_readonly_queries_on_client_close|param_.*)$/;

/** ClickHouse's HTTP interface (https://clickhouse.com/docs/interfaces/http) over the embedded engine. */
export function createFront(options: FrontOptions): Server {
  const front = new Front(options);
  return createServer((request, response) => {
    front.answer(request, response).catch((error: unknown) => {
      // Only a connection that is gone gets here: errors of the call itself are answers.
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
}

class Front {
  readonly #options: FrontOptions;
  #spooled = 0;

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://loopback');
    const isProbe = pathname === '/' && !searchParams.has('query') && request.method === 'GET';
    if (pathname === '/ping' || pathname === '/replicas_status' || isProbe) {
      response.end('Ok.\n');
      return;
    }
    try {
      const caller = callerOf(request, searchParams, this.#options.tokens);
      const { bytes, format } = await this.#run(caller, request, searchParams, signalOf(response, caller));
      await send(request, response, bytes, format);
    } catch (error) {
      // Nobody waits for the answer any more.
      if (response.destroyed) return;
      await sendError(request, response, error);
    }
  }

  async #run(
    caller: Caller,
    request: IncomingMessage,
    query: URLSearchParams,
    signal: AbortSignal,
  ): Promise<{ bytes: Uint8Array; format: string }> {
    if (request.method !== 'GET' && request.method !== 'POST') throw new CallError(501, 48, 'GET and POST only');
    const { role } = caller;
    const sqlInUrl = query.get('query') ?? '';
    const insertInUrl = role === 'writer' ? readDataInsert(sqlInUrl) : null;
    if (insertInUrl !== null && insertInUrl.dataStart >= sqlInUrl.length) {
      return this.#insert(insertInUrl, query, (path) => spoolBody(request, path, insertBytesMax));
    }
    const body = await readBody(request, role === 'writer' ? statementBytesMax : readerStatementBytesMax);
    const text = Buffer.from(sqlInUrl === '' || body.length === 0 ? sqlInUrl : `${sqlInUrl}\n`);
    const whole = Buffer.concat([text, body]);
    // Inline data may be binary: one byte to one character keeps every index an index of bytes.
    const insert = role === 'writer' ? readDataInsert(whole.toString('latin1')) : null;
    if (insert !== null) {
      const utf8Insert = {
        ...insert,
        head: Buffer.from(insert.head, 'latin1').toString('utf8'),
        settings: Buffer.from(insert.settings, 'latin1').toString('utf8'),
      };
      return this.#insert(utf8Insert, query, (path) => spoolBytes(whole.subarray(insert.dataStart), path));
    }
    return this.#statement(caller, whole.toString('utf8'), request, query, signal);
  }

  async #insert(
    insert: DataInsert,
    query: URLSearchParams,
    spool: (path: string) => Promise<number>,
  ): Promise<{ bytes: Uint8Array; format: string }> {
    const path = join(this.#options.spoolDirectory, `${++this.#spooled}.rows`);
    try {
      if ((await spool(path)) > 0) {
        const sql = insertFromFile(insert, path);
        await this.#options.queue.run('write', this.#statementOf({ role: 'writer' }, sql, 'TabSeparated', query));
      }
    } finally {
      await unlink(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
    return { bytes: new Uint8Array(0), format: 'TabSeparated' };
  }

  async #statement(
    caller: Caller,
    sql: string,
    request: IncomingMessage,
    query: URLSearchParams,
    signal: AbortSignal,
  ): Promise<{ bytes: Uint8Array; format: string }> {
    const { role } = caller;
    if (role === 'reader') {
      const { tableFunctions } = this.#options;
      const isTenant = caller.organization !== null;
      const systemTables = isTenant ? tenantSystemTables : readableSystemTables;
      const why = whyReaderMayNot(sql, { tableFunctions, systemTables, isTenant });
      if (why !== null) throw new CallError(403, 497, `Not enough privileges: ${why}`);
    } else if (hasManyStatements(sql)) throw new CallError(400, 62, 'Multi-statements are not allowed');
    const header = request.headers['x-clickhouse-format'];
    const wanted = query.get('default_format') ?? (typeof header === 'string' ? header : 'TabSeparated');
    if (!/^\w{1,64}$/.test(wanted)) throw new CallError(400, 73, `Unknown format ${wanted}`);
    const kind = role === 'reader' || /^\s*(SELECT|WITH|SHOW|DESC|EXISTS|EXPLAIN)/i.test(sql) ? 'read' : 'write';
    const statement = this.#statementOf(caller, sql, wanted, query);
    // A write that was begun is carried to its end: its rows may be in already.
    const bytes = await this.#options.queue
      .run(kind, statement, kind === 'read' ? signal : undefined)
      .catch((error: unknown) => {
        throw role === 'reader' ? this.#memoryError(error) : error;
      });
    return { bytes, format: formatClause(sql) ?? wanted };
  }

  /** An error about memory in words of ours: what a reader may take, and what to do. */
  #memoryError(error: unknown): unknown {
    if (!(error instanceof Error) || !/Code: 241\./.test(error.message)) return error;
    const mebibytes = Math.floor(this.#options.readerMemoryBytes / 1024 ** 2);
    const words = `a reader's query may take ${mebibytes} MiB of memory, so that all who read at once have room; ask for a shorter period, fewer columns or fewer groups`;
    return new CallError(500, 241, `${words}: ${error.message}`);
  }

  #statementOf(caller: Caller, sql: string, format: string, query: URLSearchParams): Statement {
    const settings = new Map([
      ['output_format_json_quote_64bit_integers', '1'],
      // Packed Arrow is opened by no reader in JavaScript; who has another says so.
      ['output_format_arrow_compression_method', 'none'],
    ]);
    const parameters = new Map<string, string>();
    const { role } = caller;
    for (const [name, value] of query) {
      if (name.startsWith('param_')) parameters.set(plainName(name.slice(6)), value);
      if (protocolParameters.test(name)) continue;
      const verdict = role === 'reader' ? readerSetting(name) : 'take';
      if (verdict === 'refuse') throw new CallError(403, 164, `Cannot modify '${name}' setting in readonly mode`);
      if (verdict === 'take') settings.set(plainName(name), value);
    }
    if (caller.role === 'reader') {
      const own = ownSettings(caller, this.#options);
      for (const [name, value] of [...readerSettings, ...own]) settings.set(name, value);
      settings.set('max_memory_usage', String(this.#options.readerMemoryBytes));
    }
    return { sql, database: this.#databaseOf(caller, query.get('database')), format, settings, parameters };
  }

  #databaseOf(caller: Caller, asked: string | null): string | null {
    // Only the writer may stand outside: it must create the database before it can be in it.
    if (caller.role === 'writer') return asked === null || asked === 'default' ? null : plainName(asked);
    if (asked === null || asked === 'default' || asked === this.#options.database) return this.#options.database;
    if (asked.toLowerCase() === 'information_schema' && caller.organization === null) return asked;
    throw new CallError(403, 497, `Not enough privileges: readers are in the database ${this.#options.database}`);
  }
}

/** A bound of its own comes on top of the call's; another organization than its own shows nothing. */
function ownSettings(caller: Caller & { role: 'reader' }, options: FrontOptions): [name: string, value: string][] {
  const { organization, boundTo } = caller;
  if (organization !== null && boundTo !== null && boundTo !== organization)
    throw new CallError(403, 497, 'Not enough privileges: this reader sees another organization');
  if (organization !== null) return tenantSettings(organization, options);
  return boundTo === null ? [] : [boundSetting(boundTo, options)];
}

/** Aborted when the caller is gone, and for readers at their time limit. */
function signalOf(response: ServerResponse, { role }: Caller): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new CallError(499, 394, 'Query was cancelled: the caller is gone')));
  if (role === 'writer') return gone.signal;
  const limit = new AbortController();
  const seconds = readerSecondsMax + limitGraceSeconds;
  const timer = setTimeout(() => limit.abort(timeoutError()), seconds * 1_000);
  response.once('close', () => clearTimeout(timer));
  return AbortSignal.any([gone.signal, limit.signal]);
}

function timeoutError(): CallError {
  return new CallError(500, 159, `Timeout exceeded: a reader's query may take ${readerSecondsMax} seconds`);
}

function plainName(name: string): string {
  if (!/^\w{1,128}$/.test(name)) throw new CallError(400, 36, `"${name}" is no name`);
  return name;
}

const textTypes: Readonly<Record<string, string>> = { TabSeparated: 'text/tab-separated-values', CSV: 'text/csv' };
const binaryTypes: Readonly<Record<string, string>> = {
  ArrowStream: 'application/vnd.apache.arrow.stream',
  Arrow: 'application/vnd.apache.arrow.file',
  Parquet: 'application/vnd.apache.parquet',
};

function contentTypeOf(format: string): string {
  if (format.startsWith('JSON')) return format.endsWith('EachRow') ? 'application/x-ndjson' : 'application/json';
  return binaryTypes[format] ?? `${textTypes[format] ?? 'text/plain'}; charset=UTF-8`;
}

const gzipAsync = promisify(gzip);

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  format: string,
): Promise<void> {
  setCommonHeaders(request, response);
  response.setHeader('Content-Type', contentTypeOf(format));
  response.setHeader('X-ClickHouse-Format', format);
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  if (wantsBlocks(request)) {
    response.end(await packAnswer(bytes));
    return;
  }
  const wantsGzip =
    /[?&]enable_http_compression=1/.test(request.url ?? '') &&
    /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (!wantsGzip) {
    response.end(bytes);
    return;
  }
  response.setHeader('Content-Encoding', 'gzip');
  response.end(await gzipAsync(bytes, { level: 1 }));
}

async function sendError(request: IncomingMessage, response: ServerResponse, error: unknown): Promise<void> {
  const { status, code, text } = describe(error);
  setCommonHeaders(request, response);
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  response.setHeader('X-ClickHouse-Exception-Code', String(code));
  // The rest of a refused body is not read; the connection cannot carry another call.
  if (!request.complete) response.setHeader('Connection', 'close');
  // As ClickHouse does: who asked for blocks gets its errors in them too.
  const words = Buffer.from(`${text}\n`);
  response.end(wantsBlocks(request) ? await packAnswer(words) : words);
}

function wantsBlocks({ url = '' }: IncomingMessage): boolean {
  return /[?&]compress=1(&|$)/.test(url);
}

function describe(error: unknown): { status: number; code: number; text: string } {
  if (error instanceof CallError) {
    const text = `Code: ${error.clickhouseCode}. DB::Exception: ${error.message}. (${error.status === 401 ? 'AUTHENTICATION_FAILED' : 'REFUSED'})`;
    return { status: error.status, code: error.clickhouseCode, text };
  }
  const message = error instanceof Error ? error.message : String(error);
  const code = Number(/Code: (\d+)\./.exec(message)?.[1] ?? 1001);
  return { status: statusOfCode[code] ?? 500, code, text: message };
}

/** The statuses that ClickHouse itself gives, where not 500. */
const statusOfCode: Readonly<Record<number, number>> = {
  6: 400,
  27: 400,
  36: 400,
  38: 400,
  41: 400,
  43: 400,
  46: 404,
  47: 404,
  53: 400,
  60: 404,
  62: 400,
  69: 400,
  73: 400,
  81: 404,
  164: 403,
  456: 400,
  497: 403,
  516: 401,
};

function setCommonHeaders(request: IncomingMessage, response: ServerResponse): void {
  const queryId = /[?&]query_id=([\w-]{1,64})/.exec(request.url ?? '')?.[1];
  if (queryId !== undefined) response.setHeader('X-ClickHouse-Query-Id', queryId);
  response.setHeader('X-ClickHouse-Server-Display-Name', 'paceline');
}
