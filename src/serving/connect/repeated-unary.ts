import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import { universalResponseToNodeResponse } from '@connectrpc/connect-node';

/** Larger requests are read by who answers them, with its own bound. */
const knownBodyMax = 8 * 1_024;

/** What of the head decides how an answer is spelt. Deadlines do not. */
const spellingHeaders = /^(content-type|content-encoding|accept-encoding|te|x-grpc-web|connect-.*|grpc-.*)$/;
const deadlineHeaders = ['connect-timeout-ms', 'grpc-timeout'] as const;

/** A request whose body was looked at. */
interface LookedAt {
  /** All that its answer depends on beside the operation; null = it is too long to be known again. */
  readonly spelt: string | null;
  /** The same body, whole. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** An answer as it is sent. */
export interface SpeltAnswer {
  readonly status: number;
  readonly header: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  readonly trailer: readonly (readonly [string, string])[];
}

export async function lookAt(request: IncomingMessage, path: string): Promise<LookedAt> {
  const rest: AsyncIterator<Uint8Array> = request.iterator({ destroyOnReturn: false });
  const read: Uint8Array[] = [];
  let length = 0;
  let isWhole = false;
  while (!isWhole && length <= knownBodyMax) {
    const { done, value } = await rest.next();
    if (done) isWhole = true;
    else {
      read.push(value);
      length += value.length;
    }
  }
  const known = Buffer.concat(read, length);
  return { spelt: isWhole ? spell(path, request.headers, known) : null, body: wholeBody(known, isWhole ? null : rest) };
}

function spell(path: string, headers: IncomingHttpHeaders, body: Buffer): string {
  const said = Object.keys(headers)
    .filter((name) => spellingHeaders.test(name) && !deadlineHeaders.some((each) => each === name))
    .sort()
    .map((name) => [name, headers[name]]);
  return JSON.stringify([path, said, body.toString('latin1')]);
}

async function* wholeBody(known: Uint8Array, rest: AsyncIterator<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (known.length > 0) yield known;
  if (rest === null) return;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** How long the caller waits, ms; null = it does not say, or not so that it could be read. */
export function deadlineOf(headers: IncomingHttpHeaders): number | null {
  const [ms, grpc] = deadlineHeaders.map((name) => String(headers[name] ?? ''));
  if (/^\d{1,10}$/.test(ms)) return Number(ms);
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(grpc) ?? [];
  return amount === undefined ? null : Math.ceil(Number(amount) * msOf[unit as keyof typeof msOf]);
}

const msOf = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000001 } as const;

/** Who waited all their time already waits no second time. */
export function endDeadline(header: Headers): void {
  if (header.has('connect-timeout-ms')) header.set('connect-timeout-ms', '1');
  if (header.has('grpc-timeout')) header.set('grpc-timeout', '1m');
}

export async function within<T>(ms: number | null, work: Promise<T>): Promise<T | 'late'> {
  if (ms === null) return await work;
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, 2_147_483_647), 'late');
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends an answer, and tells of it as it was sent, unless it is a refusal. */
export async function sendAndSpell(
  answer: UniversalServerResponse,
  response: ServerResponse,
  tell: (sent: SpeltAnswer) => void,
): Promise<void> {
  const { status, header, trailer } = answer;
  const isAnswer = () => status === 200 && (trailer?.get('grpc-status') ?? '0') === '0';
  const body = noted(answer.body, (sent) => {
    if (isAnswer()) tell({ status, header: [...(header ?? [])], body: sent, trailer: [...(trailer ?? [])] });
  });
  await universalResponseToNodeResponse({ ...answer, body }, response);
}

async function* noted(
  body: UniversalServerResponse['body'],
  tell: (whole: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body ?? []) {
    pieces.push(piece);
    yield piece;
  }
  tell(Buffer.concat(pieces));
}

export async function sendAgain({ status, header, body, trailer }: SpeltAnswer, response: ServerResponse) {
  if (trailer.length > 0) {
    const again = { status, header: new Headers(header as [string, string][]), body: wholeBody(body, null) };
    await universalResponseToNodeResponse({ ...again, trailer: new Headers(trailer as [string, string][]) }, response);
    return;
  }
  for (const [name, value] of header) response.setHeader(name, value);
  response.setHeader('Content-Length', body.length);
  response.statusCode = status;
  response.end(body);
}
