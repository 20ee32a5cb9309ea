import { assert, EngineError } from '../../model/errors.ts';
import type { PartitionSpec, Schema } from './schema.ts';
import type { SortOrder } from './sort-order.ts';
import { type Snapshot, type SnapshotRef, snapshotById, type TableMetadata } from './table-metadata.ts';

/** What must hold for a commit; names and shapes of the REST catalog specification ("TableRequirement"). */
export type Requirement =
  | { readonly type: 'assert-create' }
  | { readonly type: 'assert-table-uuid'; readonly uuid: string }
  | { readonly type: 'assert-ref-snapshot-id'; readonly ref: string; readonly 'snapshot-id': bigint | null }
  | { readonly type: 'assert-last-assigned-field-id'; readonly 'last-assigned-field-id': number }
  | { readonly type: 'assert-current-schema-id'; readonly 'current-schema-id': number }
  | { readonly type: 'assert-last-assigned-partition-id'; readonly 'last-assigned-partition-id': number }
  | { readonly type: 'assert-default-spec-id'; readonly 'default-spec-id': number }
  | { readonly type: 'assert-default-sort-order-id'; readonly 'default-sort-order-id': number };

/** What a commit changes; names and shapes of the REST catalog specification ("TableUpdate"). */
export type Update =
  | { readonly action: 'add-snapshot'; readonly snapshot: Snapshot }
  | ({ readonly action: 'set-snapshot-ref'; readonly 'ref-name': string } & SnapshotRef)
  | { readonly action: 'remove-snapshot-ref'; readonly 'ref-name': string }
  | { readonly action: 'remove-snapshots'; readonly 'snapshot-ids': readonly bigint[] }
  | { readonly action: 'set-properties'; readonly updates: Readonly<Record<string, string>> }
  | { readonly action: 'remove-properties'; readonly removals: readonly string[] }
  | { readonly action: 'set-location'; readonly location: string }
  | { readonly action: 'add-schema'; readonly schema: Schema; readonly 'last-column-id'?: number }
  /** -1 = the one that this commit added last. */
  | { readonly action: 'set-current-schema'; readonly 'schema-id': number }
  | { readonly action: 'add-spec'; readonly spec: PartitionSpec }
  | { readonly action: 'set-default-spec'; readonly 'spec-id': number }
  | { readonly action: 'add-sort-order'; readonly 'sort-order': SortOrder }
  | { readonly action: 'set-default-sort-order'; readonly 'sort-order-id': number };

/** Throws CATALOG_CONFLICT when the table is not as the committer saw it. */
export function checkRequirements(metadata: TableMetadata, requirements: readonly Requirement[]): void {
  for (const requirement of requirements) {
    const problem = brokenRequirement(metadata, requirement);
    if (problem !== null) throw new EngineError('CATALOG_CONFLICT', problem);
  }
}

function brokenRequirement(metadata: TableMetadata, requirement: Requirement): string | null {
  const differs = (what: string, is: unknown, expected: unknown): string | null =>
    is === expected ? null : `${what} is ${is}, the commit builds on ${expected}`;
  switch (requirement.type) {
    case 'assert-create':
      return `${metadata.location} exists already`;
    case 'assert-table-uuid':
      return metadata['table-uuid'] === requirement.uuid ? null : 'the table was dropped and made anew';
    case 'assert-ref-snapshot-id': {
      const actual = metadata.refs[requirement.ref]?.['snapshot-id'] ?? null;
      return differs(requirement.ref, actual, requirement['snapshot-id']);
    }
    case 'assert-last-assigned-field-id':
      return differs('the last field id', metadata['last-column-id'], requirement['last-assigned-field-id']);
    case 'assert-current-schema-id':
      return differs('the schema', metadata['current-schema-id'], requirement['current-schema-id']);
    case 'assert-last-assigned-partition-id':
      return differs('the last partition id', metadata['last-partition-id'], requirement['last-assigned-partition-id']);
    case 'assert-default-spec-id':
      return differs('the partition spec', metadata['default-spec-id'], requirement['default-spec-id']);
    case 'assert-default-sort-order-id':
      return differs('the sort order', metadata['default-sort-order-id'], requirement['default-sort-order-id']);
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
    case 'add-snapshot':
      return addSnapshot(metadata, update.snapshot);
    case 'set-snapshot-ref':
      return setRef(metadata, update, atMs);
    case 'remove-snapshot-ref': {
      const { [update['ref-name']]: _gone, ...refs } = metadata.refs;
      return { ...metadata, refs };
    }
    case 'remove-snapshots':
      return removeSnapshots(metadata, new Set(update['snapshot-ids']));
    case 'set-properties':
      return { ...metadata, properties: { ...metadata.properties, ...update.updates } };
    case 'remove-properties': {
      const kept = Object.entries(metadata.properties).filter(([name]) => !update.removals.includes(name));
      return { ...metadata, properties: Object.fromEntries(kept) };
    }
    case 'set-location':
      return { ...metadata, location: update.location };
    default:
      return applyDefinition(metadata, update);
  }
}

type Definition = Extract<
  Update,
  {
    action:
      | 'add-schema'
      | 'set-current-schema'
      | 'add-spec'
      | 'set-default-spec'
      | 'add-sort-order'
      | 'set-default-sort-order';
  }
>;

/** Schemas, specs and sort orders: what was defined once stays, because old files and snapshots name it. */
function applyDefinition(metadata: TableMetadata, update: Definition): TableMetadata {
  switch (update.action) {
    case 'add-schema': {
      const { schema } = update;
      assert(!metadata.schemas.some((one) => one['schema-id'] === schema['schema-id']), 'a schema id is given once');
      const lastColumn = Math.max(metadata['last-column-id'], ...schema.fields.map(({ id }) => id));
      return { ...metadata, schemas: [...metadata.schemas, schema], 'last-column-id': lastColumn };
    }
    case 'set-current-schema': {
      const id = update['schema-id'] === -1 ? metadata.schemas.at(-1)?.['schema-id'] : update['schema-id'];
      assert(id !== undefined && metadata.schemas.some((one) => one['schema-id'] === id), 'the schema is there');
      return { ...metadata, 'current-schema-id': id };
    }
    case 'add-spec': {
      const { spec } = update;
      assert(!metadata['partition-specs'].some((one) => one['spec-id'] === spec['spec-id']), 'a spec id is given once');
      const last = Math.max(metadata['last-partition-id'], ...spec.fields.map((field) => field['field-id']));
      return { ...metadata, 'partition-specs': [...metadata['partition-specs'], spec], 'last-partition-id': last };
    }
    case 'set-default-spec': {
      const id = update['spec-id'] === -1 ? metadata['partition-specs'].at(-1)?.['spec-id'] : update['spec-id'];
      assert(id !== undefined && metadata['partition-specs'].some((one) => one['spec-id'] === id), 'the spec is there');
      return { ...metadata, 'default-spec-id': id };
    }
    case 'add-sort-order': {
      const order = update['sort-order'];
      assert(
        !metadata['sort-orders'].some((one) => one['order-id'] === order['order-id']),
        'an order id is given once',
      );
      return { ...metadata, 'sort-orders': [...metadata['sort-orders'], order] };
    }
    case 'set-default-sort-order': {
      const id =
        update['sort-order-id'] === -1 ? metadata['sort-orders'].at(-1)?.['order-id'] : update['sort-order-id'];
      assert(id !== undefined && metadata['sort-orders'].some((one) => one['order-id'] === id), 'the order is there');
      return { ...metadata, 'default-sort-order-id': id };
    }
  }
}

function addSnapshot(metadata: TableMetadata, snapshot: Snapshot): TableMetadata {
  assert(snapshot['sequence-number'] > metadata['last-sequence-number'], 'sequence numbers grow');
  assert(snapshotById(metadata, snapshot['snapshot-id']) === null, 'a snapshot is added once');
  return {
    ...metadata,
    snapshots: [...metadata.snapshots, snapshot],
    'last-sequence-number': snapshot['sequence-number'],
  };
}

function setRef(
  metadata: TableMetadata,
  { action: _action, 'ref-name': name, ...ref }: Extract<Update, { action: 'set-snapshot-ref' }>,
  atMs: number,
): TableMetadata {
  const id = ref['snapshot-id'];
  assert(snapshotById(metadata, id) !== null, 'a reference points at a snapshot of the table');
  const refs = { ...metadata.refs, [name]: ref };
  if (name !== 'main') return { ...metadata, refs };
  const entry = { 'snapshot-id': id, 'timestamp-ms': atMs };
  return { ...metadata, refs, 'current-snapshot-id': id, 'snapshot-log': [...metadata['snapshot-log'], entry] };
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
