import { expect, test } from 'vitest';
import { applyUpdates, checkRequirements, type Update } from '../../../src/lakehouse/format/metadata-updates.ts';
import { sortedBy } from '../../../src/lakehouse/format/sort-order.ts';
import { findSpec, newMetadata, schemaOfSpec, specById } from '../../../src/lakehouse/format/table-metadata.ts';
import { bronzeSchema, bronzeSpec } from '../../../src/lakehouse/layers/bronze/bronze-schema.ts';

const table = { uuid: 'u', location: 'file:///t', schema: bronzeSchema, spec: bronzeSpec, properties: { a: '1' } };
const base = newMetadata(table, 1_000);

function after(...updates: Update[]) {
  return applyUpdates(base, updates, { nowMs: 2_000, previousFile: 'file:///t/metadata/0.json' }).metadata;
}

test('schemas, specs and sort orders are added, made current, and never taken away', () => {
  const column = { id: 11, name: 'region', required: false, type: 'string' } as const;
  const schema = { ...bronzeSchema, 'schema-id': 1, fields: [...bronzeSchema.fields, column] };
  const spec = {
    'spec-id': 1,
    fields: [{ 'source-id': 1, 'field-id': 1000, name: 'org_id', transform: 'identity' }],
  } as const;
  const metadata = after(
    { action: 'add-schema', schema },
    { action: 'set-current-schema', 'schema-id': -1 },
    { action: 'add-spec', spec },
    { action: 'set-default-spec', 'spec-id': -1 },
    { action: 'add-sort-order', 'sort-order': sortedBy(1, [5, 6]) },
    { action: 'set-default-sort-order', 'sort-order-id': -1 },
  );
  expect(metadata.schemas.map((one) => one['schema-id'])).toEqual([0, 1]);
  expect(metadata).toMatchObject({ 'current-schema-id': 1, 'last-column-id': 11, 'default-spec-id': 1 });
  expect(metadata['default-sort-order-id']).toBe(1);
  // What another tool made the default leaves ours where it can be found.
  expect(findSpec(metadata, bronzeSpec)).toBe(0);
  expect(findSpec(metadata, { 'spec-id': 9, fields: [{ ...bronzeSpec.fields[1], transform: 'identity' }] })).toBeNull();
});

test('a dropped partition column is looked up in the newest schema that had it', () => {
  const schema = { ...bronzeSchema, 'schema-id': 1, fields: bronzeSchema.fields.filter(({ id }) => id !== 1) };
  const metadata = after({ action: 'add-schema', schema }, { action: 'set-current-schema', 'schema-id': 1 });
  expect(schemaOfSpec(metadata, bronzeSpec)['schema-id']).toBe(0);
  expect(() => specById(metadata, 7)).toThrow('names spec 7, but lacks it');
});

test('properties, location and references change by name', () => {
  const metadata = after(
    { action: 'set-properties', updates: { b: '2' } },
    { action: 'remove-properties', removals: ['a', 'never-there'] },
    { action: 'set-location', location: 'file:///elsewhere' },
  );
  expect(metadata).toMatchObject({ properties: { b: '2' }, location: 'file:///elsewhere' });
});

test('each requirement refuses a table that is not as the committer saw it, in words', () => {
  const refused = [
    [{ type: 'assert-create' }, 'exists already'],
    [{ type: 'assert-table-uuid', uuid: 'other' }, 'made anew'],
    [{ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': 5n }, 'main is null, the commit builds on 5'],
    [{ type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 3 }, 'the last field id is 10'],
    [{ type: 'assert-current-schema-id', 'current-schema-id': 2 }, 'the schema is 0'],
    [{ type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 2 }, 'the last partition id is 1001'],
    [{ type: 'assert-default-spec-id', 'default-spec-id': 2 }, 'the partition spec is 0'],
    [{ type: 'assert-default-sort-order-id', 'default-sort-order-id': 2 }, 'the sort order is 0'],
  ] as const;
  for (const [requirement, words] of refused) expect(() => checkRequirements(base, [requirement])).toThrow(words);
  checkRequirements(base, [{ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': null }]);
});
