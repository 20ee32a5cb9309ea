import type { IncomingMessage, ServerResponse } from 'node:http';
import type * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import type { Credentials } from '../access/authenticate.ts';

/** What the door of logins needs to know of a call. */
export interface AuthCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly credentials: Credentials;
  readonly requestId: string;
  readonly facts: { operation: string; actor: string | null };
}

const bodyBytesMax = 16_384;

/**
 * The JSON of a call, checked; members that nobody asked for are refused. JSON alone, because a form of any
 * page can send everything else without asking the browser first. Throws REQUEST_INVALID.
 */
export async function readBody<T extends z.ZodType>({ request }: AuthCall, schema: T): Promise<z.output<T>> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new EngineError('REQUEST_INVALID', 'the body must be application/json');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new EngineError('REQUEST_INVALID', `the body is longer than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  const read = schema.safeParse(parseJson(Buffer.concat(chunks).toString('utf8')));
  if (read.success) return read.data;
  // Never with the values: among them are passwords.
  const problems = read.error.issues.slice(0, 5).map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new EngineError('REQUEST_INVALID', problems.join('; '));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EngineError('REQUEST_INVALID', 'the body is no JSON');
  }
}

export function sendJson({ response }: AuthCall, status: number, value: unknown): void {
  send(response, status, 'application/json', Buffer.from(JSON.stringify(value)));
}

export function sendNothing({ response }: AuthCall): void {
  response.statusCode = 204;
  response.setHeader('Cache-Control', 'no-store');
  response.end();
}

export function sendElsewhere({ response }: AuthCall, url: string): void {
  response.setHeader('Location', url);
  send(response, 303, 'text/plain; charset=utf-8', Buffer.from('see Location\n'));
}

export function send(response: ServerResponse, status: number, type: string, body: Uint8Array): void {
  response.statusCode = status;
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', body.length);
  if (!response.hasHeader('Cache-Control')) response.setHeader('Cache-Control', 'no-store');
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** A path of ours, and of nobody else's: what a browser would take for another host is the front page. */
export function ownPath(text: string | null | undefined): string {
  return text != null && text.length <= 512 && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text) ? text : '/';
}
