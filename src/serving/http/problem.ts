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

/** What to do about a refusal of HTTP itself; where it is missing, the detail says it. */
const nextOf: Readonly<Record<number, string>> = {
  404: 'Look up the path in /api/v1/openapi.json, or in docs/api/rest.md.',
  405: 'Use one of the methods that the header Allow names.',
  406: 'Send one of these types in Accept, or */*.',
  413: 'Send less at once.',
  415: 'Send JSON, and say so: Content-Type: application/json.',
  421: 'Name the host in serving.hosts, or call it by an address that is listed there.',
  428: 'Read it first: its ETag is the version. Then say it again with If-Match.',
};

function problemOf(error: unknown) {
  if (error instanceof HttpRefusal)
    return {
      status: error.status,
      code: `HTTP_${error.status}`,
      detail: error.message,
      next: nextOf[error.status] ?? null,
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
