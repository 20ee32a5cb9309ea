import { EngineError } from '../../model/errors.ts';
import type { Requirement, Update } from '../format/metadata-updates.ts';
import { type NewTable, readMetadata, type TableMetadata } from '../format/table-metadata.ts';
import type { RenamingCatalog, TableState } from './catalog.ts';
import type { TableName } from './catalog-pointer.ts';
import { NoAnswer, type RestAnswer } from './rest-http.ts';
import { asUnavailable, type RestEndpoint, RestSession, unexpected } from './rest-session.ts';

/**
 * Catalog of one table behind the Iceberg REST catalog protocol: the server writes the metadata and decides
 * which commit comes first. Nothing about the outcome is guessed: any 5xx, and no answer at all, is
 * COMMIT_UNKNOWN, whatever its body says.
 */
export class RestCatalog implements RenamingCatalog {
  readonly #session: RestSession;
  readonly #name: Omit<TableName, 'catalogName'>;

  constructor(endpoint: RestEndpoint, name: Omit<TableName, 'catalogName'>, nowMs: () => number) {
    this.#session = new RestSession(endpoint, nowMs);
    this.#name = name;
  }

  async load(): Promise<TableState | null> {
    const answer = await this.#asking('GET', await this.#tablePath());
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw unexpected('the table', answer);
    return stateOf(answer);
  }

  async create(table: NewTable): Promise<TableState> {
    await this.#createNamespace();
    const { location, schema, spec, properties, sortOrder } = table;
    const path = `${await this.#namespacePath()}/tables`;
    const answer = await this.#making(path, () => this.load(), {
      name: this.#name.table,
      location,
      schema,
      'partition-spec': spec,
      ...(sortOrder === undefined ? {} : { 'write-order': sortOrder }),
      'stage-create': false,
      // The server gives the table its id; format 2 is what we read and write.
      properties: { ...properties, 'format-version': '2' },
    });
    if (answer === 'there' || answer.status === 409) return await this.#winner();
    if (answer.status !== 200) throw refused('make the table', answer);
    const state = stateOf(answer);
    requireOurIds(state, table);
    return state;
  }

  async commit(
    base: TableState,
    requirements: readonly Requirement[],
    updates: readonly Update[],
  ): Promise<TableState> {
    const { namespace, table } = this.#name;
    const answer = await this.#changing('POST', await this.#tablePath(), {
      identifier: { namespace: namespace.split('.'), name: table },
      requirements,
      updates,
    });
    if (answer.status === 200) return stateOf(answer);
    if (answer.status === 409 || answer.status === 429)
      throw new EngineError('CATALOG_CONFLICT', `${base.metadata.location} was not changed: ${answer.text}`);
    throw refused('change the table', answer);
  }

  async rename(to: string): Promise<void> {
    const namespace = this.#name.namespace.split('.');
    const answer = await this.#changing('POST', 'tables/rename', {
      source: { namespace, name: this.#name.table },
      destination: { namespace, name: to },
    });
    if (answer.status === 409) throw new EngineError('CATALOG_CONFLICT', `the catalog has a table ${to} already`);
    if (answer.status !== 200 && answer.status !== 204) throw refused('rename the table', answer);
  }

  async close(): Promise<void> {
    this.#session.close();
  }

  async #createNamespace(): Promise<void> {
    const made = { namespace: this.#name.namespace.split('.'), properties: {} };
    // It is made, it is there already, or we may not make any: then making the table tells more.
    await this.#making('namespaces', () => this.#namespace(), made);
  }

  async #namespace(): Promise<RestAnswer | null> {
    const answer = await this.#asking('GET', await this.#namespacePath());
    return answer.status === 200 ? answer : null;
  }

  /**
   * Makes what may be made twice without harm. Two who make the same at once are no broken server, but some
   * answer the second with a 500 (Iceberg's own JDBC catalog does, for namespaces): what is there then is enough.
   */
  async #making(path: string, find: () => Promise<unknown>, body: unknown): Promise<RestAnswer | 'there'> {
    try {
      return await this.#changing('POST', path, body);
    } catch (error) {
      if (!(error instanceof EngineError && error.code === 'COMMIT_UNKNOWN')) throw error;
      if ((await find()) === null) throw error;
      return 'there';
    }
  }

  async #winner(): Promise<TableState> {
    const state = await this.load();
    if (state !== null) return state;
    throw new EngineError('CATALOG_CONFLICT', `table ${this.#name.table} was just dropped`);
  }

  async #asking(method: 'GET', path: string): Promise<RestAnswer> {
    try {
      return await this.#session.ask(method, path);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** No answer, or one that says that the server broke: the change may have been made, and may still be. */
  async #changing(method: 'POST', path: string, body: unknown): Promise<RestAnswer> {
    try {
      const answer = await this.#session.ask(method, path, body);
      if (answer.status < 500) return answer;
      throw new EngineError('COMMIT_UNKNOWN', `the catalog answers ${answer.status}: ${answer.text}`);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new EngineError('COMMIT_UNKNOWN', `the catalog ${error.message}`, { cause: error });
    }
  }

  async #namespacePath(): Promise<string> {
    try {
      return await this.#session.namespacePath(this.#name.namespace);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  async #tablePath(): Promise<string> {
    return `${await this.#namespacePath()}/tables/${encodeURIComponent(this.#name.table)}`;
  }
}

function stateOf(answer: RestAnswer): TableState {
  const { 'metadata-location': metadataLocation, metadata } = (answer.json ?? {}) as Record<string, unknown>;
  if (typeof metadataLocation !== 'string' || typeof metadata !== 'object' || metadata === null)
    throw new EngineError('SINK_UNAVAILABLE', `the catalog answers ${answer.status} without the table's metadata`);
  return { metadata: readMetadata(metadata as TableMetadata, metadataLocation), metadataLocation };
}

function refused(what: string, { status, text }: RestAnswer): EngineError {
  return new EngineError('SINK_REJECTED', `the catalog does not ${what}: it answers ${status}: ${text}`);
}

/** A server may give columns new ids. Files say theirs by id, so ours would not be read. */
function requireOurIds({ metadata }: TableState, { schema }: NewTable): void {
  const current = metadata.schemas.find((one) => one['schema-id'] === metadata['current-schema-id']);
  for (const { id, name } of schema.fields) {
    const given = current?.fields.find((field) => field.name === name)?.id;
    if (given === id) continue;
    throw new EngineError(
      'SINK_REJECTED',
      `the catalog gave column ${name} the id ${given}, not ${id}; make the table with another tool, with our ids`,
    );
  }
}
