import { EngineError } from '../../model/errors.ts';
import { NoAnswer, type RestAnswer, RestHttp, type RestRequest } from './rest-http.ts';

/** Who we are to the catalog: a token as it is, a name and a secret to get one for, or nobody. */
export type RestLogin =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  | {
      readonly kind: 'oauth2';
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope: string;
      /** Null: the catalog's own, `v1/oauth/tokens`. */
      readonly serverUrl: string | null;
    };

export interface RestEndpoint {
  /** Without `v1`; a path before it is kept. */
  readonly url: string;
  /** Asked for in `v1/config`; null = the server's only one. */
  readonly warehouse: string | null;
  readonly login: RestLogin;
  /** PEM text of the authorities to trust with https; null = the system's. */
  readonly ca: string | null;
}

/** A token is asked for again when less than this is left of its life, ms. */
const tokenMarginMs = 30_000;
/** What servers give that do not say. */
const tokenLifeMs = 3_600_000;
/** Iceberg's own separator of the levels of a namespace, as it stands in a path. */
const separatorDefault = '%1F';

/** A conversation with a REST catalog: configuration asked once, tokens fetched and kept fresh. */
export class RestSession {
  readonly #endpoint: RestEndpoint;
  readonly #http: RestHttp;
  readonly #nowMs: () => number;
  #config: Promise<ServerConfig> | null = null;
  #token: { readonly value: string; readonly endsMs: number } | null = null;

  constructor(endpoint: RestEndpoint, nowMs: () => number) {
    this.#endpoint = endpoint;
    this.#http = new RestHttp(endpoint.ca);
    this.#nowMs = nowMs;
  }

  close(): void {
    this.#http.close();
  }

  /** Path of a namespace, whose levels are parted by dots in `name`; below the prefix that the server gave. */
  async namespacePath(name: string): Promise<string> {
    const { separator } = await this.#configured();
    return `namespaces/${name.split('.').map(encodeURIComponent).join(separator)}`;
  }

  /**
   * Asks below the prefix. A token that the server does not take any more is fetched anew, once. Throws
   * NoAnswer, and LAKE_REFUSED where the server does not take our login.
   */
  async ask(method: RestRequest['method'], path: string, body?: unknown): Promise<RestAnswer> {
    const { prefix } = await this.#configured();
    return await this.#ask(method, `v1/${prefix === '' ? '' : `${prefix}/`}${path}`, body);
  }

  async #ask(method: RestRequest['method'], path: string, body?: unknown): Promise<RestAnswer> {
    const url = this.#urlOf(path);
    const send = async () => this.#http.send({ method, url, headers: await this.#authorization(), body });
    let answer = await send();
    const isStale = answer.status === 401 || answer.status === 419;
    if (isStale && this.#endpoint.login.kind === 'oauth2') {
      this.#token = null;
      answer = await send();
    }
    if (answer.status === 401 || answer.status === 403 || answer.status === 419) {
      const hint = 'correct iceberg_rest.token, or client_id and client_secret, or the rights behind them';
      throw new EngineError(
        'LAKE_REFUSED',
        `the catalog ${url.origin} answers ${answer.status}: ${answer.text}; ${hint}`,
      );
    }
    return answer;
  }

  #configured(): Promise<ServerConfig> {
    if (this.#config === null) {
      this.#config = this.#readConfig();
      // What went wrong once may go well the next time.
      this.#config.catch(() => {
        this.#config = null;
      });
    }
    return this.#config;
  }

  async #readConfig(): Promise<ServerConfig> {
    const { warehouse } = this.#endpoint;
    const query = warehouse === null ? '' : `?warehouse=${encodeURIComponent(warehouse)}`;
    const answer = await this.#ask('GET', `v1/config${query}`);
    if (answer.status !== 200 || answer.json === null) throw unexpected('its configuration', answer);
    const { defaults = {}, overrides = {} } = answer.json as Record<string, Record<string, string> | undefined>;
    const said = (name: string) => overrides[name] ?? defaults[name];
    return { prefix: said('prefix') ?? '', separator: said('namespace-separator') ?? separatorDefault };
  }

  async #authorization(): Promise<Record<string, string>> {
    const { login } = this.#endpoint;
    if (login.kind === 'none') return {};
    const token = login.kind === 'token' ? login.token : await this.#freshToken(login);
    return { authorization: `Bearer ${token}` };
  }

  async #freshToken(login: Extract<RestLogin, { kind: 'oauth2' }>): Promise<string> {
    if (this.#token !== null && this.#token.endsMs - this.#nowMs() > tokenMarginMs) return this.#token.value;
    const { clientId, clientSecret, scope, serverUrl } = login;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope,
    });
    const url = serverUrl === null ? this.#urlOf('v1/oauth/tokens') : new URL(serverUrl);
    const answer = await this.#http.send({ method: 'POST', url, headers: {}, body: form.toString() });
    const { access_token: value, expires_in: lifeS } = (answer.json ?? {}) as Record<string, unknown>;
    if (answer.status !== 200 || typeof value !== 'string') {
      // The server's words may repeat what it was sent, so they are not told.
      const isRefused = [400, 401, 403].includes(answer.status);
      const hint = isRefused ? '; correct iceberg_rest.client_id, client_secret or scope' : '';
      throw new EngineError(
        isRefused ? 'LAKE_REFUSED' : 'SINK_UNAVAILABLE',
        `${url.origin} gives no token: it answers ${answer.status}${hint}`,
      );
    }
    const lifeMs = typeof lifeS === 'number' ? lifeS * 1_000 : tokenLifeMs;
    this.#token = { value, endsMs: this.#nowMs() + lifeMs };
    return value;
  }

  #urlOf(path: string): URL {
    return new URL(`${this.#endpoint.url.replace(/\/+$/, '')}/${path}`);
  }
}

interface ServerConfig {
  readonly prefix: string;
  readonly separator: string;
}

/** For questions that change nothing: whatever came instead of an answer, trying again does no harm. */
export function unexpected(what: string, { status, text }: RestAnswer): EngineError {
  return new EngineError('SINK_UNAVAILABLE', `the catalog does not tell ${what}: it answers ${status}: ${text}`);
}

/** The same for no answer; other errors are handed on. */
export function asUnavailable(error: unknown): unknown {
  if (!(error instanceof NoAnswer)) return error;
  return new EngineError('SINK_UNAVAILABLE', `the catalog ${error.message}`, { cause: error });
}
