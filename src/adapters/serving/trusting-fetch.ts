import { request } from 'node:https';

/** Answers of a provider are documents of some kilobytes. */
const bodyBytesMax = 4 * 1_048_576;

type Fetch = (
  url: string,
  options: { method: string; headers: Record<string, string>; body?: unknown; signal?: AbortSignal },
) => Promise<Response>;

/** `fetch` for https alone, with authorities of our own: Node's takes none. Redirects are not followed. */
export function trustingFetch(ca: string): Fetch {
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const call = request(url, { method, headers, ca, ...(signal === undefined ? {} : { signal }) }, (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > bodyBytesMax) answer.destroy(new Error(`an answer of more than ${bodyBytesMax} bytes`));
          else chunks.push(chunk);
        });
        answer.once('error', reject);
        answer.once('end', () => resolve(toResponse(answer.statusCode ?? 0, answer.headersDistinct, chunks)));
      });
      call.once('error', (cause) => reject(new TypeError('fetch failed', { cause })));
      call.end(body === undefined || body === null ? undefined : String(body));
    });
}

function toResponse(status: number, headers: NodeJS.Dict<string[]>, chunks: readonly Buffer[]): Response {
  const all = new Headers();
  for (const [name, values] of Object.entries(headers)) for (const value of values ?? []) all.append(name, value);
  const hasNoBody = status === 204 || status === 304;
  return new Response(hasNoBody ? null : Buffer.concat(chunks), { status, headers: all });
}
