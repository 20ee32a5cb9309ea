import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { readerSchema } from '../../src/decoders/event-schemas.ts';
import { ConfluentRegistry } from '../../src/decoders/registry/confluent-registry.ts';
import { compileEncoder, frameValue } from '../../src/events/avro/encode.ts';
import { partitionOfKey } from '../../src/model/hash.ts';
import { collectFacts } from '../model/collect-facts.ts';
import { EngineBench, eventually, impression } from './engine-bench.ts';
import { type RegistryFront, startRegistryFront } from './registry-front.ts';

// A registry that goes away, or lets us in no longer, while a schema arrives that nobody has seen before.
const username = 'paceline';
const password = 'paceline-local';
const secret = 'not-the-password';
const partitions = 2;
let bench: EngineBench;
let front: RegistryFront;
beforeAll(async () => {
  bench = await EngineBench.open(partitions);
  front = await startRegistryFront(bench.stack.addresses.registry.url, { username, password });
});
afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
  await front?.[Symbol.asyncDispose]();
});

const through = (given: string) => ({ registry: { url: front.url, username, password: given } });

/** An organization whose records lie in that partition. */
function orgIn(partition: number): string {
  for (let i = 0; ; i++) {
    const org = `org-${i}`;
    if (partitionOfKey(Buffer.from(org), 0, org.length, partitions) === partition) return org;
  }
}

/** Registers impressions with one field more, under a subject of the test's own; resolves with its new id. */
async function registerNewVersion(): Promise<{ id: number; remove(): Promise<unknown> }> {
  const { url } = bench.stack.addresses.registry;
  const registry = new ConfluentRegistry({ url }, systemClock);
  const known = await registry.schema((await registry.lookUp()).byKind.get('impression')!);
  const { fields, ...schema } = known!.json as { fields: object[] };
  const added = { name: `note_${randomUUID().replaceAll('-', '')}`, type: 'string', default: '' };
  const subject = `${bench.names.name}-${added.name}`;
  const answer = await fetch(`${url}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schemaType: 'AVRO', schema: JSON.stringify({ ...schema, fields: [...fields, added] }) }),
  });
  const { id } = (await answer.json()) as { id: number };
  return { id, remove: () => fetch(`${url}/subjects/${subject}`, { method: 'DELETE' }) };
}

/** The impression as a producer with the new version writes it: the field that we do not know is empty. */
function framed(id: number, { org, value }: ReturnType<typeof impression>): { org: string; value: Uint8Array } {
  const { type: _, event_id, ...fields } = value as Record<string, unknown>;
  const ours = compileEncoder(readerSchema('impression'))({
    ...fields,
    event_id: Buffer.from(String(event_id), 'hex'),
  });
  return { org, value: frameValue(id, Buffer.concat([ours, Uint8Array.of(0)])) };
}

const troubles = [
  {
    title: 'goes away',
    begin: () => front.shut(),
    end: () => front.open(),
    says: /waiting for the schema registry at http.*ECONNREFUSED/,
  },
  {
    title: 'no longer takes our password',
    begin: async () => front.setPassword('changed'),
    end: async () => front.setPassword(password),
    says: /HTTP 401: not you; correct registry\.username and registry\.password/,
  },
];

test.each(troubles)(
  'while the registry $title, the lane with a new schema waits and says for whom, the other goes on',
  async ({ begin, end, says }) => {
    const before = await bench.impressions();
    const held = orgIn(0);
    const free = orgIn(1);
    const engine = await bench.start(through(password));
    const { id, remove } = await registerNewVersion();
    try {
      await bench.produce([impression(held, 1), impression(free, 1)]);
      await eventually(async () => expect(await bench.impressions()).toBe(before + 2));
      using paused = collectFacts('lane.paused');
      await begin();
      await bench.produce([framed(id, impression(held, 10)), impression(held, 100), impression(free, 1_000)]);
      await eventually(async () => expect(await bench.impressions()).toBe(before + 1_002));
      const lane = () => engine.status().lanes.find(({ lane: name }) => name === `${bench.topic}:0`);
      await eventually(() =>
        expect(lane()).toMatchObject({
          paused_for: 'registry_unavailable',
          trouble: expect.stringMatching(says),
        }),
      );
      const gauge = 'paceline_lane_paused{partition="0",reason="registry_unavailable"}';
      const metrics = async () => await (await fetch(`${engine.addresses.http}/metrics`)).text();
      expect(await metrics()).toContain(`${gauge} 1\n`);
      // The free lane is not at fault, nor is the instance: nobody may take it out of service for it.
      expect(await (await fetch(`${engine.addresses.http}/readyz`)).text()).toBe('ok\n');
      await bench.produce([impression(free, 10_000)]);
      await eventually(async () => expect(await bench.impressions()).toBe(before + 11_002));
      // It stayed paused through all attempts: a gauge that flickers would never alert.
      expect(paused.facts.map(({ partition, reason }) => [partition, reason])).toEqual([[0, 'registry_unavailable']]);
      await end();
      await eventually(async () => expect(await bench.impressions()).toBe(before + 11_112));
      expect(lane()).toMatchObject({ paused_for: null, trouble: null });
      expect(await metrics()).toContain(`${gauge} 0\n`);
      await engine.stop();
      expect(engine.status()).toMatchObject({ state: 'stopped', failure: null, dead_letters: 0 });
    } finally {
      await remove();
    }
  },
);

test('a password that the registry does not take is refused at the start, and told nowhere', async () => {
  const error = await bench.start(through(secret)).then(
    () => new Error('it started'),
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({
    code: 'REGISTRY_REFUSED',
    exitCode: 77,
    message: expect.stringMatching(/HTTP 401: not you; correct registry\.username and registry\.password/),
  });
  expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain(secret);
});
