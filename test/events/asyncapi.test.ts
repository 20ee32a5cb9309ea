import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { asyncApiDocument } from '../../scripts/events-doc/asyncapi.ts';
import { eventKinds } from '../../src/events/kinds.ts';
import { orderSnapshots } from '../../src/rows/order-snapshots.ts';
import { RowWriter } from '../../src/rows/row-binary.ts';
import { alertEvents, deadLetters, pacingSnapshots, type Table } from '../../src/rows/tables.ts';
import { RecordLogSink } from '../../src/sinks/records/record-log-sink.ts';
import { rowOf } from '../serving/shop.ts';

// What the document promises of the topics, held against what is written to them.
// biome-ignore lint/suspicious/noExplicitAny: a document is JSON, and each expectation says what it wants of it.
const document: any = asyncApiDocument('1.2.3', { events: 'e', alerts: 'a', deadLetters: 'd' });

test('every kind of event is a message of its topic, with the very schema that the engine reads it by', () => {
  const { messages } = document.components;
  for (const kind of eventKinds) {
    const file = JSON.parse(readFileSync(new URL(`../../schemas/avro/${kind}.avsc`, import.meta.url), 'utf8'));
    expect(messages[kind].payload.schema).toEqual(file);
    expect(messages[kind].examples[0].payload.type).toBe(kind);
    expect(messages[kind]['x-schema-id']).toBeGreaterThan(0);
  }
  expect(Object.keys(document.channels.events.messages)).toEqual([...eventKinds, 'tick', 'org_plan']);
});

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path);
  expect(references.length).toBeGreaterThan(eventKinds.length);
  for (const path of references) {
    const found = path.split('/').reduce((at, name) => at?.[name], document);
    expect(found, path).toBeDefined();
  }
});

test.each([
  ['alert', alertEvents, []],
  ['dead_letter', deadLetters, ['key', 'raw']],
  ['pacing_snapshot', pacingSnapshots, []],
  ['order_snapshot', orderSnapshots, []],
] as const)('a record of %s is as its message says', async (name, table: Table, rawColumns) => {
  const written: Uint8Array[] = [];
  const sink = new RecordLogSink({
    ...{ name, table, rawColumns },
    log: {
      lastValue: () => Promise.resolve(null),
      append: (_, records) => Promise.resolve(void written.push(...records.map(({ value }) => value))),
    },
  });
  const writer = new RowWriter(table);
  writer.write(rowOf(table, { org_id: 'o', version: 2n ** 60n }));
  await sink.deliver([{ lane: 't:0', seq: 1, streams: [{ stream: table.name, ...writer.take() }] }]);
  const schema = z.fromJSONSchema({ ...document.components.messages[name].payload, additionalProperties: false });
  const record = JSON.parse(Buffer.from(written[0]).toString('utf8'));
  expect(schema.parse(record)).toEqual(record);
  expect(schema.safeParse({ ...record, version: 7 }).success).toBe(false);
  expect(schema.safeParse({ ...record, colour: 'red' }).success).toBe(false);
});
