import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { incompatibilities } from './compatibility.ts';
import { type SchemaJson, schemaJson } from './schema-json.ts';

const folder = new URL('../../schemas/avro/', import.meta.url);
const released = readdirSync(new URL('released/', folder)).map((file) => {
  const match = /^([a-z_]+)\.v(\d+)\.avsc$/.exec(file);
  if (match === null) throw new Error(`released/${file} is not NAME.vN.avsc`);
  return { file, name: match[1], version: Number(match[2]) };
});
const current = readdirSync(folder)
  .filter((file) => file.endsWith('.avsc'))
  .map((file) => file.slice(0, -'.avsc'.length));
const releasedJson = (file: string) => schemaJson(`released/${file.slice(0, -'.avsc'.length)}`);

test.each(released)('$file can be read by today, and today by it', ({ file, name }) => {
  expect(incompatibilities(releasedJson(file), schemaJson(name))).toEqual([]);
});

test.each(current)('%s is what was released last: our producers write it under that id', (name) => {
  const newest = released.filter((each) => each.name === name).toSorted((a, b) => b.version - a.version)[0];
  expect(newest, `released/${name}.v1.avsc`).toBeDefined();
  expect(schemaJson(name)).toEqual(releasedJson(newest.file));
});

test('every released schema has one id for ever', () => {
  const ids = JSON.parse(readFileSync(new URL('ids.json', folder), 'utf8')) as Record<string, string>;
  expect(Object.values(ids).toSorted()).toEqual(released.map(({ file }) => file.slice(0, -'.avsc'.length)).toSorted());
});

test('every field of every schema says what it means', () => {
  const mute = current.flatMap((name) =>
    schemaJson(name)
      .fields.filter(({ doc }) => typeof doc !== 'string' || doc.length < 4)
      .map((field) => `${name}.${field.name}`),
  );
  expect(mute).toEqual([]);
});

test('no default looks like JSON: a registry tells the type of a schema by what stands in it', () => {
  const braces = current.flatMap((name) =>
    schemaJson(name)
      .fields.filter((field) => typeof field.default === 'string' && /^[{[]/.test(field.default))
      .map((field) => `${name}.${field.name}`),
  );
  expect(braces).toEqual([]);
});

const breaks: Readonly<Record<string, (schema: SchemaJson) => void>> = {
  'test is gone': ({ fields }) => fields.pop(),
  'extra is new and has no default': ({ fields }) => fields.push({ name: 'extra', type: 'long' }),
  'org_id has another type': ({ fields }) => Object.assign(fields[1], { type: 'bytes' }),
  'event_time means something else': ({ fields }) => Object.assign(fields[3], { type: 'long' }),
  'cpm_micros has another default': ({ fields }) => Object.assign(fields[6], { default: 1 }),
  'basis lost or moved MEDIA': ({ fields }) => (fields[8].type as { symbols: string[] }).symbols.reverse(),
  'the record Impression is now View': (schema) => Object.assign(schema, { name: 'View' }),
};

test.each(Object.entries(breaks))('a change that breaks readers is seen: %s', (trouble, change) => {
  const changed = schemaJson('impression');
  change(changed);
  expect(incompatibilities(schemaJson('impression'), changed)).toContain(trouble);
});

test('changes that break nobody pass', () => {
  const grown = schemaJson('impression');
  grown.fields.push({ name: 'extra', type: ['null', 'string'], default: null });
  (grown.fields[8].type as { symbols: string[] }).symbols.push('TAX');
  expect(incompatibilities(schemaJson('impression'), grown)).toEqual([]);
});
