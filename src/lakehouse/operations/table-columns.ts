import { EngineError } from '../../model/errors.ts';
import type { CatalogTable, TableState } from '../catalog/catalog.ts';
import type { ColumnType, Field, Schema } from '../format/schema.ts';
import { currentSchema, type NewTable } from '../format/table-metadata.ts';
import { ensureTable } from './overwrite-partitions.ts';

/** A column of a table before it has an id. */
export interface TableColumn {
  readonly name: string;
  readonly isRequired: boolean;
  readonly doc: string;
  /** Text to whole numbers is the one type that holds others, which need ids too. */
  readonly type: Extract<ColumnType, string> | 'counts';
}

/** What the tables of every layer are made with. */
export const layerProperties: Readonly<Record<string, string>> = {
  'write.format.default': 'parquet',
  'write.parquet.compression-codec': 'zstd',
  'write.metadata.delete-after-commit.enabled': 'true',
  'write.metadata.previous-versions-max': '100',
  'commit.manifest.min-count-to-merge': '100',
  'history.expire.min-snapshots-to-keep': '20',
  'history.expire.max-snapshot-age-ms': '86400000',
};

const evolveAttemptsMax = 5;

/** Columns first and then what is inside of maps: the order in which Iceberg itself gives ids. */
export function newSchema(columns: readonly TableColumn[]): Schema {
  let inner = columns.length;
  const fields = columns.map((column, at) => fieldOf(column, at + 1, () => ++inner));
  return { type: 'struct', 'schema-id': 0, fields };
}

export function columnId({ fields }: Schema, name: string): number {
  const found = fields.find((field) => field.name === name);
  if (found === undefined) throw new EngineError('SINK_REJECTED', `the table lacks the column ${name}`);
  return found.id;
}

/** Opens a table, made when it is not there, with all the columns. */
export async function openTable(
  catalog: CatalogTable,
  table: NewTable,
  columns: readonly TableColumn[],
): Promise<TableState> {
  for (let attempt = 1; ; attempt++) {
    const state = await ensureTable(catalog, table);
    try {
      return await evolve(catalog, state, columns);
    } catch (error) {
      const isConflict = error instanceof EngineError && error.code === 'CATALOG_CONFLICT';
      if (!isConflict || attempt >= evolveAttemptsMax) throw error;
    }
  }
}

/**
 * Gives a table the columns that its rows have come to have; old files read as null there. Columns that rows lost
 * stay. Throws SINK_REJECTED where a column is of another type than rows say.
 */
async function evolve(catalog: CatalogTable, state: TableState, columns: readonly TableColumn[]): Promise<TableState> {
  const { metadata } = state;
  const schema = currentSchema(metadata);
  const known = new Map(schema.fields.map((field) => [field.name, field]));
  const added: Field[] = [];
  let last = metadata['last-column-id'];
  for (const column of columns) {
    const have = known.get(column.name);
    const want = column.type === 'counts' ? 'map' : column.type;
    if (have === undefined) added.push(fieldOf({ ...column, isRequired: false }, ++last, () => ++last));
    else if (typeOf(have) !== want)
      throw new EngineError(
        'SINK_REJECTED',
        `${metadata.location}: ${column.name} is ${typeOf(have)} in the table and ${want} in its rows`,
      );
  }
  if (added.length === 0) return state;
  const schemaId = Math.max(...metadata.schemas.map((one) => one['schema-id'])) + 1;
  return catalog.commit(
    state,
    [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      { type: 'assert-current-schema-id', 'current-schema-id': schema['schema-id'] },
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': metadata['last-column-id'] },
    ],
    [
      {
        action: 'add-schema',
        schema: { type: 'struct', 'schema-id': schemaId, fields: [...schema.fields, ...added] },
        'last-column-id': last,
      },
      { action: 'set-current-schema', 'schema-id': -1 },
    ],
  );
}

function fieldOf({ name, type, isRequired, doc }: TableColumn, id: number, nextId: () => number): Field {
  const column: ColumnType =
    type === 'counts'
      ? { type: 'map', 'key-id': nextId(), key: 'string', 'value-id': nextId(), value: 'long', 'value-required': true }
      : type;
  return { id, name, required: isRequired, type: column, doc };
}

function typeOf({ type }: Field): string {
  return typeof type === 'string' ? type.replaceAll(' ', '').replace(',', ', ') : type.type;
}
