import type { IncomingMessage } from 'node:http';
import { type HttpCall, HttpRefusal } from './door.ts';

const bodyBytesMax = 256 * 1024;

/** A reading call with a body is a mistake, or tries to be taken for two calls. */
export function refuseBody({ request }: HttpCall): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === '0')) return;
  // HTTP/2 keeps calls apart by itself.
  throw new HttpRefusal(413, 'this call has no body', request.httpVersionMajor === 1 ? { Connection: 'close' } : {});
}

/** The body as a JSON object. Its type must be said: no page of another site can say it without our leave. */
export async function readJsonBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(type))
    throw new HttpRefusal(415, 'the body must be application/json');
  if (request.headers['content-encoding'] !== undefined) throw new HttpRefusal(415, 'the body must not be packed');
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyBytesMax) throw new HttpRefusal(413, `a body has at most ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return parseObject(Buffer.concat(chunks));
}

function parseObject(bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError)
      throw new HttpRefusal(400, 'the body is not JSON in UTF-8');
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new HttpRefusal(400, 'the body is no JSON object');
  return value as Record<string, unknown>;
}
