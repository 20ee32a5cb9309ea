import { createHash } from 'node:crypto';
import { type Door, type HttpCall, HttpRefusal } from '../http/door.ts';
import { streamEvents } from '../http/event-stream.ts';
import { idempotencyKeyOf, repeatedHeader } from '../http/idempotency-key.ts';
import { chooseType } from '../http/media-types.ts';
import { sendBytes } from '../http/problem.ts';
import { limitHeaders } from '../limits/limit-headers.ts';
import { type OperationName, operationOf } from '../operations.ts';
import type { Operation } from '../queries/operation.ts';
import type { Envelope, Service } from '../service.ts';
import { csvColumns, printCsv } from './csv.ts';
import { type Matched, matchRoute, wrongMethod } from './match.ts';
import { readInput } from './read-input.ts';
import { restRoot } from './routes.ts';

/** REST over the table of operations (routes.ts), and its own description. */
export class RestDoor implements Door {
  readonly name = 'rest';
  readonly #service: Service;
  readonly #openApi: Uint8Array;

  constructor(service: Service, openApi: string) {
    this.#service = service;
    this.#openApi = Buffer.from(openApi);
  }

  takes(path: string): boolean {
    return path === restRoot || path.startsWith(`${restRoot}/`);
  }

  async answer(call: HttpCall): Promise<void> {
    if (call.path === `${restRoot}/openapi.json`) {
      if (call.method !== 'GET' && call.method !== 'HEAD') throw wrongMethod(['GET']);
      sendBytes(call.response, 200, 'application/json', this.#openApi);
      return;
    }
    const matched = matchRoute(call.method, call.path);
    call.facts.operation = matched.name;
    call.facts.orgId = matched.members.organization ?? null;
    const described = operationOf(matched.name);
    const columns = csvColumns(described.output);
    const offered = typesOf(matched.name, columns !== null);
    const type = chooseType(call.request.headers.accept, offered);
    if (type === null) throw new HttpRefusal(406, `this path gives ${offered.join(' and ')}`);
    const input = await readInput(call, described, matched);
    if (type === events) {
      await streamEvents(call, { event: 'mark', look: () => this.#run(call, matched, input), everyMs: lookEveryMs });
      return;
    }
    const bytes = await this.#run(call, matched, input);
    if (described.isWrite) sendWritten(call, bytes);
    else if (type === csv) sendCsv(call, bytes, columns!);
    else sendJson(call, described, bytes);
  }

  #run(call: HttpCall, { name, members }: Matched, input: unknown): Promise<Uint8Array> {
    const { credentials, requestId, facts } = call;
    return this.#service.call({
      ...{ name, orgId: members.organization ?? null, input, credentials, requestId },
      idempotencyKey: idempotencyKeyOf(call),
      onRepeated: () => call.response.setHeader(repeatedHeader, 'true'),
      onCaller: ({ actor }) => {
        facts.actor = `${actor.kind}:${actor.id}`;
      },
      onLimit: (verdict) => {
        if (call.response.headersSent) return;
        for (const [header, value] of Object.entries(limitHeaders(verdict))) call.response.setHeader(header, value);
      },
    });
  }
}

const json = 'application/json';
const csv = 'text/csv';
const events = 'text/event-stream';
/** How often a stream looks whether anything changed. */
const lookEveryMs = 1_000;

function typesOf(name: OperationName, isList: boolean): readonly string[] {
  if (name === 'getMark') return [json, events];
  return isList ? [json, csv] : [json];
}

function sendWritten({ response }: HttpCall, bytes: Uint8Array): void {
  const { data } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Envelope;
  if (data === null) {
    response.statusCode = 204;
    response.end();
    return;
  }
  const { version } = data as { version?: unknown };
  if (typeof version === 'string') response.setHeader('ETag', `"${version}"`);
  sendBytes(response, 200, json, bytes);
}

/**
 * The tag is of the bytes: equal data give equal bytes, and a version of all tables would tell of others. Who has
 * them already is told so.
 */
function sendJson(call: HttpCall, { scope, isOfTables }: Operation, bytes: Uint8Array): void {
  const version = scope === 'organization' && !isOfTables ? editedVersion(bytes) : undefined;
  sendTagged(call, json, bytes, () => bytes, version);
}

/** What people edit has a version of its own, which an edit names again. */
function editedVersion(bytes: Uint8Array): string | undefined {
  const { data } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { data: { version?: unknown } | null };
  return typeof data?.version === 'string' ? data.version : undefined;
}

function sendCsv(call: HttpCall, bytes: Uint8Array, columns: readonly string[]): void {
  const envelope = JSON.parse(Buffer.from(bytes).toString('utf8')) as Envelope;
  const { data, next_cursor } = envelope;
  if (next_cursor !== null) call.response.setHeader('Link', `<${nextUrl(call, next_cursor)}>; rel="next"`);
  sendTagged(call, `${csv}; charset=utf-8; header=present`, bytes, () =>
    Buffer.from(printCsv(columns, data as Record<string, unknown>[])),
  );
}

function nextUrl({ path, query }: HttpCall, cursor: string): string {
  const next = new URLSearchParams(query);
  next.set('cursor', cursor);
  return `${path}?${next}`;
}

function sendTagged(
  { request, response, now }: HttpCall,
  type: string,
  bytes: Uint8Array,
  body: () => Uint8Array,
  version?: string,
): void {
  const hash = () => createHash('sha256').update(type).update(bytes).digest('base64url').slice(0, 22);
  const tag = `"${version ?? hash()}"`;
  response.setHeader('ETag', tag);
  response.setHeader('Cache-Control', 'private, no-cache');
  response.setHeader('Vary', 'Accept, Authorization, Cookie');
  sayAge(response, bytes, now());
  if (hasTag(request.headers['if-none-match'], tag)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  sendBytes(response, 200, type, body());
}

function hasTag(given = '', tag: string): boolean {
  return given.split(',').some((each) => ['*', tag].includes(each.trim().replace(/^W\//, '')));
}

/** How old the newest thing in the answer is; not in the body, which would never be the same twice. */
function sayAge(response: HttpCall['response'], bytes: Uint8Array, now: number): void {
  const end = Buffer.from(bytes.subarray(-64)).toString('latin1');
  const asOf = /"as_of":"([0-9TZ:.-]+)"\}$/.exec(end)?.[1];
  if (asOf !== undefined) response.setHeader('Paceline-Age-Ms', Math.max(0, now - Date.parse(asOf)));
}
