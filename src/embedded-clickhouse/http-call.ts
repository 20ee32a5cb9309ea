import { timingSafeEqual } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { idPattern } from '../model/ids.ts';
import type { NamedReader } from './readers.ts';

/** A refusal or failure in ClickHouse's terms. */
export class CallError extends Error {
  readonly status: number;
  readonly clickhouseCode: number;
  constructor(status: number, clickhouseCode: number, message: string) {
    super(message);
    this.status = status;
    this.clickhouseCode = clickhouseCode;
  }
}

/** Who calls: our own sink, or somebody who reads, perhaps one organization alone. */
export type Caller =
  | { readonly role: 'writer' }
  | {
      readonly role: 'reader';
      readonly organization: string | null;
      /**
       * The one organization that a reader of all wants to see rows of in this call. It guards that reader against
       * its own mistakes, so the query is planned as ever, which one of a foreign reader must not be.
       */
      readonly boundTo: string | null;
    };

export interface Tokens {
  readonly writeToken: string;
  readonly readToken: string;
  readonly readers: readonly NamedReader[];
}

/** Whose token the call carries: X-ClickHouse-Key, the Basic or Bearer credentials, or `?password=`. */
export function callerOf(request: IncomingMessage, query: URLSearchParams, tokens: Tokens): Caller {
  const given = givenToken(request, query);
  if (isSame(given, tokens.writeToken)) return { role: 'writer' };
  const boundTo = boundOrganization(request);
  if (isSame(given, tokens.readToken)) return { role: 'reader', organization: null, boundTo };
  for (const { token, organization } of tokens.readers)
    if (isSame(given, token)) return { role: 'reader', organization, boundTo };
  throw new CallError(
    401,
    516,
    'Authentication failed: a token is in engine.json of the data directory, or in clickhouse.readers',
  );
}

function boundOrganization({ headers }: IncomingMessage): string | null {
  const named = headers['x-paceline-organization'];
  if (named === undefined) return null;
  if (typeof named !== 'string' || !idPattern.test(named))
    throw new CallError(400, 36, 'X-Paceline-Organization names no organization');
  return named;
}

function givenToken(request: IncomingMessage, query: URLSearchParams): string {
  const key = request.headers['x-clickhouse-key'];
  if (typeof key === 'string') return key;
  const [scheme, credentials = ''] = (request.headers.authorization ?? '').split(' ');
  if (/^bearer$/i.test(scheme)) return credentials;
  if (/^basic$/i.test(scheme)) {
    const text = Buffer.from(credentials, 'base64').toString('utf8');
    return text.slice(text.indexOf(':') + 1);
  }
  return query.get('password') ?? '';
}

function isSame(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The body, unpacked and bounded: the bound counts bytes after unpacking. */
function boundedBody(request: IncomingMessage, maxBytes: number): [NodeJS.ReadableStream, ...NodeJS.ReadWriteStream[]] {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  let seen = 0;
  const bound = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      done(seen > maxBytes ? new CallError(413, 307, `the body is longer than ${maxBytes} bytes`) : null, chunk);
    },
  });
  if (encoding === 'identity') return [request, bound];
  if (encoding === 'gzip') return [request, createGunzip(), bound];
  throw new CallError(415, 48, `Content-Encoding ${encoding} is not taken; gzip is`);
}

export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const collect = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  await pipeline([...boundedBody(request, maxBytes), collect]);
  return Buffer.concat(chunks);
}

/** Writes the body to a file; it never lies in memory as a whole. Returns its length in bytes. */
export async function spoolBody(request: IncomingMessage, path: string, maxBytes: number): Promise<number> {
  const file = createWriteStream(path, { mode: 0o600 });
  await pipeline([...boundedBody(request, maxBytes), file]);
  return file.bytesWritten;
}

/** Writes bytes that came with the statement to a file. */
export async function spoolBytes(bytes: Buffer, path: string): Promise<number> {
  await pipeline(Readable.from([bytes], { objectMode: false }), createWriteStream(path, { mode: 0o600 }));
  return bytes.length;
}
