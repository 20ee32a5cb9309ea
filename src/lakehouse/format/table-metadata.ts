import { EngineError } from '../../model/errors.ts';
import type { PartitionSpec, Schema } from './schema.ts';
import { type SortOrder, unsorted } from './sort-order.ts';

/** One snapshot of a table, as its metadata JSON holds it. */
export interface Snapshot {
  readonly 'snapshot-id': bigint;
  readonly 'parent-snapshot-id'?: bigint;
  readonly 'sequence-number': number;
  readonly 'timestamp-ms': number;
  readonly 'manifest-list': string;
  readonly summary: Readonly<Record<string, string>>;
  readonly 'schema-id'?: number;
}

/** A name for a snapshot. A tag's age, and how much of a branch's past is kept, are the name's own to say. */
export interface SnapshotRef {
  readonly 'snapshot-id': bigint;
  readonly type: 'branch' | 'tag';
  /** How long the name itself lives, counted from its snapshot, ms; absent = the table's `history.expire.max-ref-age-ms`. */
  readonly 'max-ref-age-ms'?: number;
  readonly 'max-snapshot-age-ms'?: number;
  readonly 'min-snapshots-to-keep'?: number;
}

/** Table metadata, format version 2. Fields of other tools that are not named here survive our commits. */
export interface TableMetadata {
  readonly 'format-version': 2;
  readonly 'table-uuid': string;
  readonly location: string;
  readonly 'last-sequence-number': number;
  readonly 'last-updated-ms': number;
  readonly 'last-column-id': number;
  readonly 'current-schema-id': number;
  readonly schemas: readonly Schema[];
  readonly 'default-spec-id': number;
  readonly 'partition-specs': readonly PartitionSpec[];
  readonly 'last-partition-id': number;
  readonly 'default-sort-order-id': number;
  readonly 'sort-orders': readonly SortOrder[];
  readonly properties: Readonly<Record<string, string>>;
  readonly 'current-snapshot-id'?: bigint | null;
  readonly snapshots: readonly Snapshot[];
  readonly 'snapshot-log': readonly { 'snapshot-id': bigint; 'timestamp-ms': number }[];
  readonly 'metadata-log': readonly { 'metadata-file': string; 'timestamp-ms': number }[];
  readonly refs: Readonly<Record<string, SnapshotRef>>;
}

export interface NewTable {
  readonly uuid: string;
  readonly location: string;
  readonly schema: Schema;
  readonly spec: PartitionSpec;
  readonly properties: Readonly<Record<string, string>>;
  /** How writers and compactors sort; absent = not at all. */
  readonly sortOrder?: SortOrder;
}

export function newMetadata(table: NewTable, nowMs: number): TableMetadata {
  const fieldIds = table.spec.fields.map((field) => field['field-id']);
  return {
    'format-version': 2,
    'table-uuid': table.uuid,
    location: table.location,
    'last-sequence-number': 0,
    'last-updated-ms': nowMs,
    'last-column-id': Math.max(...table.schema.fields.map((field) => field.id)),
    'current-schema-id': table.schema['schema-id'],
    schemas: [table.schema],
    'default-spec-id': table.spec['spec-id'],
    'partition-specs': [table.spec],
    'last-partition-id': Math.max(999, ...fieldIds),
    'default-sort-order-id': table.sortOrder?.['order-id'] ?? unsorted['order-id'],
    'sort-orders': table.sortOrder === undefined ? [unsorted] : [table.sortOrder],
    properties: table.properties,
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
    refs: {},
  };
}

/** Metadata as another writer may have left it. Throws SINK_REJECTED for a format that we do not write. */
export function readMetadata(metadata: TableMetadata, location: string): TableMetadata {
  if (metadata['format-version'] !== 2)
    throw new EngineError('SINK_REJECTED', `${location} is of format ${metadata['format-version']}, not 2`);
  // These may be absent.
  return {
    ...metadata,
    properties: metadata.properties ?? {},
    snapshots: metadata.snapshots ?? [],
    'snapshot-log': metadata['snapshot-log'] ?? [],
    'metadata-log': metadata['metadata-log'] ?? [],
    refs: metadata.refs ?? {},
  };
}

/** The snapshot `main` points at; null before the first. `-1` and absence both mean none. */
export function currentSnapshot(metadata: TableMetadata): Snapshot | null {
  const id = metadata.refs?.main?.['snapshot-id'] ?? metadata['current-snapshot-id'] ?? -1n;
  return id === -1n ? null : snapshotById(metadata, id);
}

export function snapshotById(metadata: TableMetadata, id: bigint): Snapshot | null {
  return metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === id) ?? null;
}

/** Snapshots from `main` back to the oldest that is still kept. */
export function* ancestry(metadata: TableMetadata): Generator<Snapshot> {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]));
  let at: Snapshot | null | undefined = currentSnapshot(metadata);
  while (at) {
    yield at;
    const parent: bigint | undefined = at['parent-snapshot-id'];
    at = parent === undefined ? null : byId.get(parent);
  }
}

/** The schema that new files are written in. Throws SINK_REJECTED when the metadata does not hold it. */
export function currentSchema(metadata: TableMetadata): Schema {
  const id = metadata['current-schema-id'];
  const schema = metadata.schemas.find((one) => one['schema-id'] === id);
  if (schema === undefined)
    throw new EngineError('SINK_REJECTED', `${metadata.location} names schema ${id}, but lacks it`);
  return schema;
}

/** The partition spec of an id, which need not be today's. Throws SINK_REJECTED when the metadata does not hold it. */
export function specById(metadata: TableMetadata, id: number): PartitionSpec {
  const spec = metadata['partition-specs'].find((one) => one['spec-id'] === id);
  if (spec === undefined) throw new EngineError('SINK_REJECTED', `${metadata.location} names spec ${id}, but lacks it`);
  return spec;
}

/**
 * The id of the spec that partitions by just these fields, whatever its id and whichever is the default now:
 * another tool may have changed the default, and files of any spec of the table may still be added.
 */
export function findSpec(metadata: TableMetadata, { fields }: PartitionSpec): number | null {
  const shape = (spec: Pick<PartitionSpec, 'fields'>) =>
    JSON.stringify(spec.fields.map((field) => [field['source-id'], field.transform]));
  return metadata['partition-specs'].find((one) => shape(one) === shape({ fields }))?.['spec-id'] ?? null;
}

/** The schema to describe partitions of `spec` by: the current one, unless somebody dropped a column that it needs. */
export function schemaOfSpec(metadata: TableMetadata, spec: PartitionSpec): Schema {
  const holds = (schema: Schema) =>
    spec.fields.every((field) => schema.fields.some(({ id }) => id === field['source-id']));
  const current = currentSchema(metadata);
  return holds(current) ? current : (metadata.schemas.findLast(holds) ?? current);
}
