import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import avro from 'avsc';
import { expect, test } from 'vitest';
import { demoWorld } from '../../src/simulator/demo-world.ts';
import { makeWorld } from '../../src/simulator/make-world.ts';
import { plansOfWorld } from '../../src/simulator/plans.ts';
import { simulateWorld } from '../../src/simulator/simulate-world.ts';
import type { World } from '../../src/simulator/world.ts';

const directory = join(import.meta.dirname, '../../schemas/avro');

interface Schema {
  readonly type: avro.Type;
  readonly fields: ReadonlySet<string>;
  readonly required: readonly string[];
}

const schemas = new Map(
  readdirSync(directory)
    .filter((name) => name.endsWith('.avsc'))
    .map((name) => [name.slice(0, -'.avsc'.length), readSchema(join(directory, name))]),
);

function readSchema(path: string): Schema {
  const schema = JSON.parse(readFileSync(path, 'utf8')) as { fields: { name: string; default?: unknown }[] };
  return {
    type: avro.Type.forSchema(schema as avro.Schema),
    fields: new Set(schema.fields.map(({ name }) => name)),
    required: schema.fields.filter((field) => !('default' in field)).map(({ name }) => name),
  };
}

/** What is wrong with the events of a world in the eyes of their schemas; a few are enough to see. */
function misfits(world: World, hours: number): string[] {
  const found: string[] = [];
  for (const record of simulateWorld(world, plansOfWorld(world, { rules: [] }))) {
    if (record.logTimeMs > world.startMs + hours * 3_600_000 || found.length > 5) break;
    if (record.type === 'raw') continue;
    const name = record.type === 'truncated' ? record.of : record.type;
    const schema = schemas.get(name);
    if (schema === undefined) {
      found.push(`${name} has no schema`);
      continue;
    }
    const missing = schema.required.filter((field) => !(field in record.value));
    // Every envelope says which flight it means, or null; the few schemas without flights drop that.
    const unknown = Object.keys(record.value).filter(
      (field) => !schema.fields.has(field) && record.value[field] !== null,
    );
    if (missing.length + unknown.length > 0) found.push(`${name}: missing ${missing}, unknown ${unknown}`);
    try {
      schema.type.toBuffer(asAvro(record.value));
    } catch (cause) {
      found.push(`${name}: ${cause}`);
    }
  }
  return found;
}

function asAvro(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { event_id } = value;
  return event_id instanceof Uint8Array ? { ...value, event_id: Buffer.from(event_id) } : { ...value };
}

test('every simulated event fits its published schema', () => {
  expect(misfits(makeWorld({ seed: 11, days: 2, campaigns: 30, partitions: 4, impressionsPerDay: 5_000 }), 48)).toEqual(
    [],
  );
});

test('every event of the demo fits its published schema', () => {
  expect(misfits(demoWorld(1), 24)).toEqual([]);
});
