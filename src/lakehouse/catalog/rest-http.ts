import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { isTlsRefusal } from '../../model/tls-refusal.ts';
import { parseLossless, stringifyLossless } from '../format/lossless-json.ts';

export interface RestAnswer {
  readonly status: number;
  /** Null when the body is no JSON: proxies, and some servers for some mistakes, answer with HTML. */
  readonly json: unknown;
  /** The server's own words, cut. */
  readonly text: string;
}

export interface RestRequest {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'HEAD';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Text is sent as a form, everything else as JSON. */
  readonly body?: unknown;
}

/** No answer at all: whether the request was carried out is not known. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** Metadata of a table with thousands of snapshots is some megabytes; a server that sends more is not one. */
const bodyBytesMax = 256 * 1024 * 1024;
const timeoutMs = 30_000;
const wordsMax = 300;

/** HTTP to a catalog, with integers of 63 bits kept whole. */
export class RestHttp {
  readonly #agents: { readonly 'http:': Agent; readonly 'https:': TlsAgent };

  /** `ca`: PEM text of the authorities to trust; null = the system's. */
  constructor(ca: string | null) {
    this.#agents = {
      'http:': new Agent({ keepAlive: true }),
      'https:': new TlsAgent({ keepAlive: true, ...(ca === null ? {} : { ca }) }),
    };
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  /** Throws NoAnswer. */
  send({ method, url, headers, body }: RestRequest): Promise<RestAnswer> {
    const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
    const open = protocol === 'https:' ? httpsRequest : httpRequest;
    const isForm = typeof body === 'string';
    const text = body === undefined ? null : isForm ? body : stringifyLossless(body);
    const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
    return new Promise((resolve, reject) => {
      const fail = (cause: Error) => reject(new NoAnswer(explain(url, cause), { cause }));
      const request = open(url, {
        method,
        agent: this.#agents[protocol],
        timeout: timeoutMs,
        headers: {
          accept: 'application/json',
          ...headers,
          ...(text === null ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
        },
      });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
      request.on('error', fail);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > bodyBytesMax) response.destroy(new Error(`its answer exceeds ${bodyBytesMax} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () => resolve(answerOf(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'))));
      });
      request.end(text ?? undefined);
    });
  }
}

function answerOf(status: number, body: string): RestAnswer {
  const json = parsed(body);
  const said = (json as { error?: { message?: unknown } } | null)?.error?.message;
  const words = typeof said === 'string' ? said : body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
  return { status, json, text: words.trim().slice(0, wordsMax) };
}

function parsed(body: string): unknown {
  try {
    return parseLossless(body);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function explain(url: URL, cause: Error): string {
  const hint = isTlsRefusal(cause) ? '; check iceberg_rest.ca_file and iceberg_rest.url' : '';
  return `${url.origin} gives no answer (${cause.message || cause.name})${hint}`;
}
