import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { examples } from '../../scripts/events-doc/examples.ts';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { dayMs, hourMs } from '../../src/model/time.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import { recordRun } from '../decoders/record-run.ts';

// What no record of a lane has said yet must not be asked for: each kind comes first and alone, without what it may leave out.

const schemas = join(import.meta.dirname, '../../schemas/avro');

/** The example of a kind, without all that has a default, without one such field, and with it null. */
function variants(kind: string, example: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  const { fields } = JSON.parse(readFileSync(join(schemas, `${kind}.avsc`), 'utf8')) as { fields: { name: string }[] };
  const optional = fields.filter((field) => 'default' in field).map(({ name }) => name);
  const without = (names: readonly string[]) =>
    Object.fromEntries(Object.entries(example).filter(([name]) => !names.includes(name)));
  return [
    without([]),
    without(optional),
    ...optional.flatMap((name) => [without([name]), { ...example, [name]: null }]),
  ];
}

function play(kind: string, value: Readonly<Record<string, unknown>>): void {
  const program = new CampaignLane({ partition: 0, partitions: 1, generation: 1, planKey: null });
  const batch = new EventBatch(64);
  const text = JSON.stringify({ type: kind, ...value }, (_, each) =>
    each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each,
  );
  const time = Number(value.event_time) + 12 * hourMs;
  const run = recordRun([
    { offset: 0, logTimeMs: time, key: Buffer.from(String(value.org_id)), value: Buffer.from(text) },
    { offset: 1, logTimeMs: time + dayMs, key: null, value: Buffer.from('{"type":"tick"}') },
  ]);
  createDecoder(new EmbeddedRegistry()).decode(run, batch);
  program.apply(batch, run);
  program.harvest(1);
  program.verify(batch);
}

test.each(Object.entries(examples))('a %s may be the first record, whatever it leaves out', (kind, example) => {
  for (const value of variants(kind, example as unknown as Readonly<Record<string, unknown>>)) {
    expect(() => play(kind, value), JSON.stringify(Object.keys(value))).not.toThrow();
  }
});
