import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { tellRefusal } from '../refusals.ts';
import { type HttpCall, HttpRefusal } from './door.ts';

/** A problem document (RFC 9457) with the code of the error, which docs/errors.md explains. */
export function sendProblem(call: HttpCall, error: unknown): void {
  const { response, facts, requestId } = call;
  if (response.headersSent) {
    // An answer that was begun cannot become another one; the caller sees that it was cut off.
    response.destroy();
    return;
  }
  const { status, code, detail, next, headers } = problemOf(error);
  facts.error = code;
  const body = {
    type: `urn:paceline:error:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail,
    ...(next === null ? {} : { next }),
    request_id: requestId,
  };
  for (const [name, value] of Object.entries(headers)) if (!response.hasHeader(name)) response.setHeader(name, value);
  sendBytes(response, status, 'application/problem+json', Buffer.from(JSON.stringify(body)));
}

function problemOf(error: unknown) {
  if (error instanceof HttpRefusal)
    return {
      status: error.status,
      code: `HTTP_${error.status}`,
      detail: error.message,
      next: null,
      headers: error.headers,
    };
  const { http: status, code, message: detail, next } = tellRefusal(error);
  return { status, code, detail, next, headers: headersOf(status) };
}

function headersOf(status: number): Readonly<Record<string, string>> {
  if (status === 401) return { 'WWW-Authenticate': 'Bearer realm="paceline"' };
  return status === 503 || status === 429 ? { 'Retry-After': '1' } : {};
}

/** Headers of limits and the like that are set before stay. */
export function sendBytes(response: ServerResponse, status: number, type: string, body: Uint8Array): void {
  response.statusCode = status;
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', body.length);
  if (!response.hasHeader('Cache-Control')) response.setHeader('Cache-Control', 'no-store');
  // The rest of a body that nobody reads would be taken for the next call.
  const { req } = response;
  if (req.httpVersionMajor === 1 && hasBody(req) && !req.complete) response.setHeader('Connection', 'close');
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** A request is complete a moment after its head is read, also where it has nothing else. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
