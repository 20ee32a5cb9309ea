import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { expect, test } from 'vitest';
import { rejectReasons } from '../../src/events/event-batch.ts';
import { eventKinds } from '../../src/events/kinds.ts';
import { decodeRows } from './decode-records.ts';
import { schemaJson } from './schema-json.ts';

// docs/events.md as a producer reads it: its examples are taken from the page itself.
const page = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');

function exampleOf(kind: string): { json: string; avro: Buffer } {
  const start = page.indexOf(`\n### ${kind}\n`);
  expect(start, `### ${kind}`).toBeGreaterThan(0);
  const [, json, avro] = /```json\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)```/.exec(page.slice(start)) ?? [];
  const hex = avro.split('\n').map((line) => line.split('#')[0]);
  return { json, avro: Buffer.from(hex.join('').replaceAll(' ', ''), 'hex') };
}

test.each(eventKinds)('the examples of %s are read, and say the same in Avro and in JSON', async (kind) => {
  const { json, avro } = exampleOf(kind);
  const [byAvro, byJson] = await decodeRows([{ value: avro }, { value: Buffer.from(json) }]);
  expect(byAvro).toMatchObject({ kind, reject: null, org: 'acme' });
  expect(byJson).toEqual(byAvro);
});

test.each(eventKinds)('another Avro reader finds in %s what the page says', (kind) => {
  const { json, avro } = exampleOf(kind);
  const { type: _, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const read = avsc.Type.forSchema(schemaJson(kind) as avsc.Schema).fromBuffer(avro.subarray(5)) as object;
  expect({ ...JSON.parse(JSON.stringify(read)), event_id: undefined }).toMatchObject({
    ...fields,
    event_id: undefined,
  });
});

test('the page explains every reason and names every field', () => {
  for (const reason of rejectReasons) expect(page).toMatch(new RegExp(`\\| \`${reason}\` \\| \\S`));
  const unnamed = eventKinds.flatMap((kind) =>
    schemaJson(kind)
      .fields.map(({ name }) => name)
      .filter((name) => !page.includes(`| \`${name}\` |`)),
  );
  expect(unnamed).toEqual([]);
});
