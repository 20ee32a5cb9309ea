import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { EngineError } from '../../model/errors.ts';
import { isTlsRefusal } from '../../model/tls-refusal.ts';
import type { Notification } from './notification.ts';

export interface AlertmanagerEndpoint {
  /** Without /api/v2; a path prefix before it is kept. */
  readonly urls: readonly string[];
  readonly username: string | null;
  readonly password: string | null;
  /** PEM text of the authorities to trust with https; null = the system's. */
  readonly ca: string | null;
  /** One of several did not take them; the others did. */
  readonly onTrouble: (error: unknown) => void;
}

const timeoutMs = 10_000;
/** Of an error's answer; the rest is not read. */
const reasonBytesMax = 2_048;

/**
 * Posts to every Alertmanager of a cluster, as its documentation asks: the peers settle between them
 * who notifies. One that takes them is enough; the others hear of active alerts when they are sent again.
 */
export class AlertmanagerClient {
  readonly #endpoint: AlertmanagerEndpoint;
  readonly #agents: { readonly 'http:': Agent; readonly 'https:': TlsAgent };

  constructor(endpoint: AlertmanagerEndpoint) {
    this.#endpoint = endpoint;
    const { ca } = endpoint;
    this.#agents = {
      'http:': new Agent({ keepAlive: true }),
      'https:': new TlsAgent({ keepAlive: true, ...(ca === null ? {} : { ca }) }),
    };
  }

  /** Throws SINK_UNAVAILABLE when none takes them, SINK_REJECTED when one finds our alerts wrong. */
  async post(notifications: readonly Notification[]): Promise<void> {
    if (notifications.length === 0) return;
    const body = JSON.stringify(notifications);
    const outcomes = await Promise.allSettled(this.#endpoint.urls.map((url) => this.#send(url, 'POST', body)));
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    const isWrong = errors.find((error) => error instanceof EngineError && error.code === 'SINK_REJECTED');
    if (isWrong !== undefined) throw isWrong;
    if (errors.length > 0 && errors.length === outcomes.length) throw errors[0];
    for (const error of errors) this.#endpoint.onTrouble(error);
  }

  /** At least one is ready. */
  async check(): Promise<void> {
    await Promise.any(this.#endpoint.urls.map((url) => this.#send(url, 'GET', null))).catch((cause: unknown) => {
      throw cause instanceof AggregateError ? cause.errors[0] : cause;
    });
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #send(base: string, method: 'GET' | 'POST', body: string | null): Promise<void> {
    const path = method === 'GET' ? '/api/v2/status' : '/api/v2/alerts';
    const url = new URL(base.replace(/\/$/, '') + path);
    const { username, password } = this.#endpoint;
    const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
    const open = protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const fail = (cause: Error) =>
        reject(new EngineError('SINK_UNAVAILABLE', `Alertmanager ${url.origin}: ${explain(cause)}`, { cause }));
      const request = open(url, {
        method,
        agent: this.#agents[protocol],
        timeout: timeoutMs,
        headers: {
          ...(body === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...(username === null ? {} : { authorization: basic(username, password ?? '') }),
        },
      });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      request.on('error', fail);
      request.on('response', (response) => {
        let reason = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          if (reason.length < reasonBytesMax) reason += text;
        });
        response.on('error', fail);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve();
          else reject(refusal(url.origin, status, reason.slice(0, reasonBytesMax).trim()));
        });
      });
      request.end(body ?? undefined);
    });
  }
}

function explain(cause: Error): string {
  if (isTlsRefusal(cause)) return `${cause.message}; check alertmanager.ca_file and alertmanager.urls`;
  return `no answer (${cause.message})`;
}

/** Only a 400 is about our alerts; wrong credentials and paths are mended on the other side, and then it goes on. */
function refusal(origin: string, status: number, reason: string): EngineError {
  const code = status === 400 ? 'SINK_REJECTED' : 'SINK_UNAVAILABLE';
  const isAboutUs = status === 401 || status === 403;
  const hint = isAboutUs ? '; correct alertmanager.username and alertmanager.password' : '';
  return new EngineError(code, `Alertmanager ${origin} answers ${status}: ${reason}${hint}`);
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
