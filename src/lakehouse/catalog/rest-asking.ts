import { EngineError } from '../../model/errors.ts';
import type { TableName } from './catalog.ts';
import { NoAnswer, type RestAnswer } from './rest-http.ts';
import { asUnavailable, type RestSession, unexpected } from './rest-session.ts';

/** More pages than this are a server that gives the same one again and again. */
const pagesMax = 10_000;

/** Questions and changes of a REST catalog, and what each means when no answer comes. */
export class RestAsking {
  readonly #session: RestSession;

  constructor(session: RestSession) {
    this.#session = session;
  }

  /** Throws SINK_UNAVAILABLE when no answer comes: trying again does no harm. */
  async ask(path: string): Promise<RestAnswer> {
    try {
      return await this.#session.ask('GET', path);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** No answer, or one that says that the server broke: the change may have been made, and may still be. */
  async change(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<RestAnswer> {
    try {
      const answer = await this.#session.ask(method, path, body);
      if (answer.status < 500) return answer;
      throw new EngineError('COMMIT_UNKNOWN', `the catalog answers ${answer.status}: ${answer.text}`);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new EngineError('COMMIT_UNKNOWN', `the catalog ${error.message}`, { cause: error });
    }
  }

  /**
   * Makes what may be made twice without harm. Two who make the same at once are no broken server, but some
   * answer the second with a 500 (Iceberg's own JDBC catalog does, for namespaces): what is there then is enough.
   */
  async make(path: string, find: () => Promise<unknown>, body: unknown): Promise<RestAnswer | 'there'> {
    try {
      return await this.change('POST', path, body);
    } catch (error) {
      if (!(error instanceof EngineError && error.code === 'COMMIT_UNKNOWN')) throw error;
      if ((await find()) === null) throw error;
      return 'there';
    }
  }

  /** False when it was there, or we may not make any: then making a table in it tells more. */
  async createNamespace(namespace: string): Promise<boolean> {
    const find = async () => {
      const answer = await this.ask(await this.namespacePath(namespace));
      return answer.status === 200 ? answer : null;
    };
    const made = await this.make('namespaces', find, { namespace: namespace.split('.'), properties: {} });
    return made !== 'there' && made.status === 200;
  }

  /** All pages of a list; nothing where what it is a list of is not there. */
  async listAll(path: string, member: 'namespaces' | 'identifiers', what: string): Promise<unknown[]> {
    const all: unknown[] = [];
    let token = '';
    for (let page = 0; page < pagesMax; page++) {
      const answer = await this.ask(`${path}?pageToken=${encodeURIComponent(token)}`);
      if (answer.status === 404) return all;
      const { [member]: found, 'next-page-token': next } = (answer.json ?? {}) as Record<string, unknown>;
      if (answer.status !== 200 || !Array.isArray(found)) throw unexpected(what, answer);
      all.push(...found);
      if (typeof next !== 'string' || next === '') return all;
      token = next;
    }
    throw new EngineError('SINK_UNAVAILABLE', `the catalog does not come to an end of ${what}`);
  }

  async namespacePath(namespace: string): Promise<string> {
    try {
      return await this.#session.namespacePath(namespace);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  async tablePath({ namespace, table }: TableName): Promise<string> {
    return `${await this.namespacePath(namespace)}/tables/${encodeURIComponent(table)}`;
  }
}
