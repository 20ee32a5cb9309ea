import { EngineError } from '../../model/errors.ts';
import type { Requirement, Update } from '../format/metadata-updates.ts';
import { type NewTable, readMetadata, type TableMetadata } from '../format/table-metadata.ts';
import { type Catalog, type CatalogTable, fullName, type TableName, type TableState } from './catalog.ts';
import { RestAsking } from './rest-asking.ts';
import type { RestAnswer } from './rest-http.ts';
import { type RestEndpoint, RestSession, unexpected } from './rest-session.ts';

/**
 * Catalog behind the Iceberg REST catalog protocol: the server writes the metadata and decides which commit
 * comes first. Nothing about an outcome is guessed: any 5xx, and no answer at all, is COMMIT_UNKNOWN, whatever
 * its body says.
 */
export class RestCatalog implements Catalog {
  readonly #session: RestSession;
  readonly #asking: RestAsking;

  constructor(endpoint: RestEndpoint, nowMs: () => number) {
    this.#session = new RestSession(endpoint, nowMs);
    this.#asking = new RestAsking(this.#session);
  }

  table(name: TableName): CatalogTable {
    return new RestTable(name, this.#asking);
  }

  async namespaces(): Promise<string[]> {
    const found = await this.#asking.listAll('namespaces', 'namespaces', 'the namespaces');
    return found.map((levels) => (levels as string[]).join('.')).sort();
  }

  async tables(namespace: string): Promise<TableName[]> {
    const path = `${await this.#asking.namespacePath(namespace)}/tables`;
    const found = await this.#asking.listAll(path, 'identifiers', `the tables of ${namespace}`);
    return found
      .map((one) => ({ namespace, table: (one as { name: string }).name }))
      .sort((a, b) => (a.table < b.table ? -1 : 1));
  }

  createNamespace(namespace: string): Promise<boolean> {
    return this.#asking.createNamespace(namespace);
  }

  async dropNamespace(namespace: string): Promise<boolean> {
    const answer = await this.#asking.change('DELETE', await this.#asking.namespacePath(namespace));
    if (answer.status === 404) return false;
    // Some answer 400 (Iceberg's own): it names a mistake of ours where the specification says 409.
    if (answer.status === 409 || (answer.status === 400 && (await this.tables(namespace)).length > 0))
      throw new EngineError('CATALOG_CONFLICT', `namespace ${namespace} has tables`);
    if (answer.status !== 200 && answer.status !== 204) throw refused('drop the namespace', answer);
    return true;
  }

  async rename(from: TableName, to: TableName): Promise<void> {
    if (from.namespace !== to.namespace) await this.createNamespace(to.namespace);
    const answer = await this.#asking.change('POST', 'tables/rename', {
      source: identifierOf(from),
      destination: identifierOf(to),
    });
    if (answer.status === 409 || answer.status === 404) {
      const why = `the catalog has a table ${fullName(to)} already, or ${fullName(from)} was just dropped`;
      throw new EngineError('CATALOG_CONFLICT', why);
    }
    if (answer.status !== 200 && answer.status !== 204) throw refused('rename the table', answer);
  }

  async drop(name: TableName): Promise<boolean> {
    const path = `${await this.#asking.tablePath(name)}?purgeRequested=false`;
    const answer = await this.#asking.change('DELETE', path);
    if (answer.status === 404) return false;
    if (answer.status !== 200 && answer.status !== 204) throw refused('drop the table', answer);
    return true;
  }

  async close(): Promise<void> {
    this.#session.close();
  }
}

class RestTable implements CatalogTable {
  readonly #name: TableName;
  readonly #asking: RestAsking;

  constructor(name: TableName, asking: RestAsking) {
    this.#name = name;
    this.#asking = asking;
  }

  async load(): Promise<TableState | null> {
    const answer = await this.#asking.ask(await this.#asking.tablePath(this.#name));
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw unexpected('the table', answer);
    return stateOf(answer);
  }

  async create(table: NewTable): Promise<TableState> {
    await this.#asking.createNamespace(this.#name.namespace);
    const { location, schema, spec, properties, sortOrder } = table;
    const path = `${await this.#asking.namespacePath(this.#name.namespace)}/tables`;
    const answer = await this.#asking.make(path, () => this.load(), {
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
    const answer = await this.#asking.change('POST', await this.#asking.tablePath(this.#name), {
      identifier: identifierOf(this.#name),
      requirements,
      updates,
    });
    if (answer.status === 200) return stateOf(answer);
    if (answer.status === 409 || answer.status === 429)
      throw new EngineError('CATALOG_CONFLICT', `${base.metadata.location} was not changed: ${answer.text}`);
    throw refused('change the table', answer);
  }

  async #winner(): Promise<TableState> {
    const state = await this.load();
    if (state !== null) return state;
    throw new EngineError('CATALOG_CONFLICT', `table ${fullName(this.#name)} was just dropped`);
  }
}

function identifierOf({ namespace, table }: TableName): { namespace: string[]; name: string } {
  return { namespace: namespace.split('.'), name: table };
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
