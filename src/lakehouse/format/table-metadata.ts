import { assert, EngineError } from '../../model/errors.ts';
import type { PartitionSpec, Schema } from './schema.ts';

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

export interface SnapshotRef {
  readonly 'snapshot-id': bigint;
  readonly type: 'branch' | 'tag';
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
  readonly 'sort-orders': readonly { 'order-id': number; fields: readonly unknown[] }[];
  readonly properties: Readonly<Record<string, string>>;
  readonly 'current-snapshot-id'?: bigint | null;
  readonly snapshots: readonly Snapshot[];
  readonly 'snapshot-log': readonly { 'snapshot-id': bigint; 'timestamp-ms': number }[];
  readonly 'metadata-log': readonly { 'metadata-file': string; 'timestamp-ms': number }[];
  readonly refs: Readonly<Record<string, SnapshotRef>>;
}

/** What must hold for a commit; names and shapes of the REST catalog specification. */
export type Requirement =
  | { readonly type: 'assert-table-uuid'; readonly uuid: string }
  | { readonly type: 'assert-ref-snapshot-id'; readonly ref: string; readonly 'snapshot-id': bigint | null };

export type Update =
  | { readonly action: 'add-snapshot'; readonly snapshot: Snapshot }
  | {
      readonly action: 'set-snapshot-ref';
      readonly 'ref-name': string;
      readonly type: 'branch';
      readonly 'snapshot-id': bigint;
    }
  | { readonly action: 'set-properties'; readonly updates: Readonly<Record<string, string>> }
  | { readonly action: 'remove-snapshots'; readonly 'snapshot-ids': readonly bigint[] };

export interface NewTable {
  readonly uuid: string;
  readonly location: string;
  readonly schema: Schema;
  readonly spec: PartitionSpec;
  readonly properties: Readonly<Record<string, string>>;
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
    'default-sort-order-id': 0,
    'sort-orders': [{ 'order-id': 0, fields: [] }],
    properties: table.properties,
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
    refs: {},
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

/** Throws CATALOG_CONFLICT when the table is not as the committer saw it. */
export function checkRequirements(metadata: TableMetadata, requirements: readonly Requirement[]): void {
  for (const requirement of requirements) {
    if (requirement.type === 'assert-table-uuid') {
      if (metadata['table-uuid'] === requirement.uuid) continue;
      throw new EngineError('CATALOG_CONFLICT', 'the table was dropped and made anew');
    }
    const actual = metadata.refs[requirement.ref]?.['snapshot-id'] ?? null;
    if (actual === requirement['snapshot-id']) continue;
    const expected = requirement['snapshot-id'];
    throw new EngineError('CATALOG_CONFLICT', `${requirement.ref} is at ${actual}, the commit builds on ${expected}`);
  }
}

/** The metadata after `updates`; `previousFile` goes to the metadata log. */
export function applyUpdates(
  base: TableMetadata,
  updates: readonly Update[],
  options: { nowMs: number; previousFile: string },
): { metadata: TableMetadata; droppedMetadataFiles: string[] } {
  let metadata = base;
  // A step back of the clock would break time travel, so time only grows within a table.
  const atMs = Math.max(options.nowMs, base['last-updated-ms'] + 1);
  for (const update of updates) metadata = applyUpdate(metadata, update, atMs);
  const log = [
    ...base['metadata-log'],
    { 'metadata-file': options.previousFile, 'timestamp-ms': base['last-updated-ms'] },
  ];
  const keep = Number(metadata.properties['write.metadata.previous-versions-max'] ?? 100);
  const kept = log.slice(-Math.max(1, keep));
  const mayDelete = metadata.properties['write.metadata.delete-after-commit.enabled'] === 'true';
  return {
    metadata: { ...metadata, 'last-updated-ms': atMs, 'metadata-log': kept },
    droppedMetadataFiles: mayDelete
      ? log.slice(0, log.length - kept.length).map((entry) => entry['metadata-file'])
      : [],
  };
}

function applyUpdate(metadata: TableMetadata, update: Update, atMs: number): TableMetadata {
  switch (update.action) {
    case 'add-snapshot': {
      const { snapshot } = update;
      assert(snapshot['sequence-number'] > metadata['last-sequence-number'], 'sequence numbers grow');
      assert(snapshotById(metadata, snapshot['snapshot-id']) === null, 'a snapshot is added once');
      return {
        ...metadata,
        snapshots: [...metadata.snapshots, snapshot],
        'last-sequence-number': snapshot['sequence-number'],
      };
    }
    case 'set-snapshot-ref': {
      const id = update['snapshot-id'];
      assert(snapshotById(metadata, id) !== null, 'a reference points at a snapshot of the table');
      const refs = { ...metadata.refs, [update['ref-name']]: { 'snapshot-id': id, type: update.type } };
      if (update['ref-name'] !== 'main') return { ...metadata, refs };
      const entry = { 'snapshot-id': id, 'timestamp-ms': atMs };
      return { ...metadata, refs, 'current-snapshot-id': id, 'snapshot-log': [...metadata['snapshot-log'], entry] };
    }
    case 'set-properties':
      return { ...metadata, properties: { ...metadata.properties, ...update.updates } };
    case 'remove-snapshots':
      return removeSnapshots(metadata, new Set(update['snapshot-ids']));
  }
}

function removeSnapshots(metadata: TableMetadata, ids: ReadonlySet<bigint>): TableMetadata {
  for (const ref of Object.values(metadata.refs)) {
    assert(!ids.has(ref['snapshot-id']), 'a referenced snapshot is never expired');
  }
  const log = metadata['snapshot-log'];
  // History with a hole would tell a wrong past: what lies before the last hole goes too.
  const lastHole = log.findLastIndex((entry) => ids.has(entry['snapshot-id']));
  return {
    ...metadata,
    snapshots: metadata.snapshots.filter((snapshot) => !ids.has(snapshot['snapshot-id'])),
    'snapshot-log': log.slice(lastHole + 1),
  };
}
