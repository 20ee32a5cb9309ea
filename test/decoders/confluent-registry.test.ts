import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { ConfluentRegistry } from '../../src/decoders/registry/confluent-registry.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';
import { toRun } from '../simulation/simulated-log.ts';

class SteeredClock implements Clock {
  now = 0;
  wallMs(): WallTimeMs {
    return this.now as WallTimeMs;
  }
  steadyMs(): number {
    return this.wallMs();
  }
  sleep(): Promise<void> {
    return Promise.resolve();
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A registry that answers what the test says, and counts. */
async function open(answer: (path: string) => Answer | null) {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`);
    const given = answer(request.url ?? '');
    if (given === null) return void request.socket.destroy();
    response.writeHead(given.status, { 'content-type': 'application/json' }).end(given.body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const clock = new SteeredClock();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
  return { calls, clock, registry: new ConfluentRegistry({ url }, clock) };
}

const notFound: Answer = { status: 404, body: '{"error_code":40403,"message":"Schema 7 not found"}' };
const record = '{"type":"record","name":"Tick","fields":[]}';
const tick = { json: JSON.parse(record) as unknown, references: [] };

test('an id is asked for once, also by many at once', async () => {
  const { registry, calls } = await open(() => ({ status: 200, body: JSON.stringify({ schema: record }) }));
  const schemas = await Promise.all([registry.schema(7), registry.schema(7), registry.schema(7)]);
  expect(schemas).toEqual([tick, tick, tick]);
  expect(await registry.schema(7)).toEqual(tick);
  expect(calls).toEqual(['GET /api/schemas/ids/7']);
});

test('an unknown id is asked for again ever more rarely, and learned once it is there', async () => {
  let answer = notFound;
  const { registry, calls, clock } = await open(() => answer);
  const askedAt: number[] = [];
  for (clock.now = 0; clock.now <= 200_000; clock.now += 500) {
    const before = calls.length;
    expect(await registry.schema(7)).toBeNull();
    if (calls.length > before) askedAt.push(clock.now);
  }
  expect(askedAt).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000]);
  answer = { status: 200, body: JSON.stringify({ schema: record }) };
  clock.now += 60_000;
  expect(await registry.schema(7)).toEqual(tick);
});

test.each([
  { title: 'a 404 that is no answer of a registry', answer: { status: 404, body: '<html>' }, says: 'registry.url' },
  { title: 'a wrong password', answer: { status: 401, body: '{}' }, says: 'registry.password' },
  { title: 'its own trouble', answer: { status: 500, body: '{"message":"down"}' }, says: 'down' },
  { title: 'an answer without a schema', answer: { status: 200, body: '{}' }, says: 'schema id 7' },
  { title: 'an endless answer', answer: { status: 200, body: ' '.repeat(3_000_000) }, says: 'exceeds' },
  { title: 'a broken connection', answer: null, says: 'waiting for the schema registry' },
])('$title pauses the lane and is not remembered', async ({ answer, says }) => {
  let given: Answer | null = answer;
  const { registry } = await open(() => given);
  await expect(registry.schema(7)).rejects.toMatchObject({
    code: 'REGISTRY_UNAVAILABLE',
    message: expect.stringContaining(says),
  });
  given = { status: 200, body: JSON.stringify({ schema: record }) };
  expect(await registry.schema(7)).toEqual(tick);
});

test.each([401, 403])('whoever starts is refused by HTTP %i for good, and a running lane waits', async (status) => {
  const { registry } = await open(() => ({ status, body: '{"message":"not you"}' }));
  const refused = { code: 'REGISTRY_REFUSED', message: expect.stringMatching(/not you; correct registry\.username/) };
  await expect(registry.lookUp()).rejects.toMatchObject(refused);
  await expect(registry.check()).rejects.toMatchObject(refused);
  await expect(registry.register('BACKWARD')).rejects.toMatchObject(refused);
  await expect(registry.schema(7)).rejects.toMatchObject({ ...refused, code: 'REGISTRY_UNAVAILABLE' });
});

test('a schema of ours that does not fit what is registered is named with both sides', async () => {
  const { registry } = await open((path) => {
    if (path.startsWith('/api/config/')) return { status: 200, body: '{}' };
    if (!path.endsWith('/latest')) return { status: 409, body: '{"error_code":409,"message":"Incompatible"}' };
    return { status: 200, body: '{"id":4,"version":2,"schema":"theirs"}' };
  });
  await expect(registry.register('BACKWARD')).rejects.toMatchObject({
    code: 'SCHEMA_UNRESOLVABLE',
    message: expect.stringMatching(
      /com\.paceline\..*Impression does not fit version 2 \(id 4\).*Incompatible.*theirs/s,
    ),
  });
});

test('a schema of ours that nobody registered is waited for', async () => {
  const { registry } = await open(() => ({ status: 404, body: '{"error_code":40401}' }));
  await expect(registry.lookUp()).rejects.toMatchObject({
    code: 'REGISTRY_UNAVAILABLE',
    message: expect.stringContaining('paceline migrate'),
  });
});

const framed = Uint8Array.of(0, 0, 0, 0, 7);

async function rejectsOf(
  decoder: ReturnType<typeof createDecoder>,
  logTimeMs: number,
): Promise<(string | undefined)[]> {
  const batch = new EventBatch(16);
  const run = toRun('t', 0, [{ offset: 0, logTimeMs, key: null, value: framed, leaderEpoch: 0, damaged: 0 }], 0);
  for (let id = decoder.decode(run, batch); id >= 0; id = decoder.decode(run, batch)) await decoder.learn(id);
  return batch.rejects.map(({ reason, detail }) => `${reason}: ${detail}`);
}

test('a schema that resolves against none of ours is a dead letter that names both sides', async () => {
  const writer = '{"type":"record","name":"Click","fields":[{"name":"org_id","type":"double"}]}';
  const { registry } = await open(() => ({ status: 200, body: JSON.stringify({ schema: writer }) }));
  const [wrong] = await rejectsOf(createDecoder(registry), 0);
  expect(wrong).toMatch(/^schema_mismatch: schema id 7.*org_id.*double.*string/s);
  const other = await open(() => ({ status: 200, body: '{"schema":"syntax","schemaType":"PROTOBUF"}' }));
  expect(await rejectsOf(createDecoder(other.registry), 0)).toEqual([expect.stringContaining('PROTOBUF')]);
});

test('records of an unknown schema are dead letters until a later record finds it registered', async () => {
  let answer = notFound;
  const { registry, clock, calls } = await open(() => answer);
  const decoder = createDecoder(registry);
  for (let i = 0; i < 50; i++) expect(await rejectsOf(decoder, i * 1_000)).toEqual([expect.stringMatching(/^unknown/)]);
  expect(calls).toHaveLength(1);
  answer = { status: 200, body: JSON.stringify({ schema: '{"type":"record","name":"Elsewhere","fields":[]}' }) };
  clock.now = 120_000;
  expect(await rejectsOf(decoder, 59_999)).toEqual([expect.stringMatching(/^unknown/)]);
  expect(await rejectsOf(decoder, 60_000)).toEqual([expect.stringMatching(/^not_ours/)]);
});

test('what a schema refers to is fetched by subject and version, each before who needs it, and once', async () => {
  const schemas: Readonly<Record<string, object>> = {
    '/api/schemas/ids/7': { schema: record, references: [reference('b', 2), reference('a', 1)] },
    '/api/subjects/a/versions/1': { schema: '"int"' },
    '/api/subjects/b/versions/2': { schema: '"long"', references: [reference('a', 1)] },
  };
  const { registry, calls } = await open((path) => ({ status: 200, body: JSON.stringify(schemas[path]) }));
  expect(await registry.schema(7)).toEqual({ ...tick, references: ['int', 'long'] });
  expect(calls.map((call) => call.split(' ')[1])).toEqual(Object.keys(schemas).sort((a, b) => order(a) - order(b)));
});

test('a registry that sends references without end is not followed for ever, and is waited for when it fails', async () => {
  let asked = 0;
  const { registry } = await open((path) => {
    asked += 1;
    if (path.endsWith('/ids/8'))
      return { status: 200, body: JSON.stringify({ schema: record, references: [reference('gone', 1)] }) };
    if (path.includes('gone')) return { status: 500, body: '{}' };
    const next = asked * 2;
    return {
      status: 200,
      body: JSON.stringify({ schema: record, references: [reference('x', next), reference('x', next + 1)] }),
    };
  });
  const endless = await registry.schema(7);
  expect(endless?.references.length).toBeLessThan(200);
  expect(endless?.references).toContainEqual(
    expect.stringMatching(/^a reference to x version \d+, which is not followed$/),
  );
  await expect(registry.schema(8)).rejects.toMatchObject({
    code: 'REGISTRY_UNAVAILABLE',
    message: expect.stringContaining('gone version 1'),
  });
});

function reference(subject: string, version: number) {
  return { name: subject, subject, version };
}

/** The schema first, then what it refers to, deepest first. */
function order(path: string): number {
  return ['ids', 'b', 'a'].findIndex((part) => path.includes(`/${part}/`));
}
