import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveAlone } from '../../src/adapters/serving/serve-alone.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { RowWriter } from '../../src/rows/row-binary.ts';
import { pacingSnapshots, type Table } from '../../src/rows/tables.ts';
import { openTestEngine, type TestEngine } from '../embedded-clickhouse/embedded.ts';
import { rowOf } from './shop.ts';

// `paceline serve` over a ClickHouse that somebody else fills: the embedded engine, by its own protocol.
let engine: TestEngine;
const log = makeLogger({ level: 'silent', clock: systemClock });
const token = 'a-token-that-nobody-guesses';

beforeAll(async () => {
  engine = await openTestEngine();
  const sink = engine.sinkAt();
  await sink.migrate();
  const table: Table = pacingSnapshots;
  const writer = new RowWriter(table);
  for (const org_id of ['acme', 'globex']) {
    const at = Date.UTC(2026, 2, 10);
    writer.write(
      rowOf(pacingSnapshots, {
        org_id,
        campaign_id: org_id,
        flight_id: 'f',
        status: 'behind',
        evaluated_at: at,
        as_of: at,
        version: 5n,
      }),
    );
  }
  const { rows, bytes } = writer.take();
  await sink.deliver([{ lane: 'a', seq: 1, streams: [{ stream: pacingSnapshots.name, rows, bytes }] }]);
  await sink.close();
});
afterAll(() => engine.close());

function configOf(text: string) {
  const overrides = { data_directory: engine.directory };
  const files: Record<string, string> = { '/p.yaml': text };
  const world = { env: { PASSWORD: engine.engine.writeToken, TOKEN: token }, readFile: (path: string) => files[path] };
  return loadConfig(['/p.yaml'], { world, shippedConfigDirectory: '/s', overrides }).config;
}

const references = 'http: { port: 0, token: "$' + '{env:TOKEN}" }\nclickhouse: { password: "$' + '{env:PASSWORD}", ';

test('it serves what others wrote, one organization at a time, tells when it is ready, and stops at once', async () => {
  const config = configOf(
    `${references} url: "${engine.engine.url}" }\nserving: { access_log: false }\nlogging: { level: silent }`,
  );
  const serving = await serveAlone(config, { version: 'test', clock: systemClock, log });
  try {
    const ready = async () => (await fetch(`${serving.controlUrl}/readyz`)).status;
    await expect.poll(ready).toBe(200);
    const ask = (path: string, bearer = token) =>
      fetch(`${serving.url}/api/v1${path}`, { headers: { authorization: `Bearer ${bearer}` } });
    const flights = await ask('/organizations/acme/flights');
    expect(await flights.json()).toMatchObject({ data: [{ campaign_id: 'acme', status: 'behind', version: '0:5' }] });
    expect((await ask('/organizations/acme/flights', 'guess')).status).toBe(401);
    expect((await ask('/engine')).status).toBe(404);
    const metrics = await (await fetch(`${serving.controlUrl}/metrics`)).text();
    expect(metrics).toMatch(/paceline_serving_calls_total\{door="rest",operation="listFlights",status="2xx"\} 1/);
    expect(metrics).toMatch(/paceline_answers_total\{from="computed"\} [1-9]/);
  } finally {
    await serving.close();
  }
  await expect(fetch(serving.url)).rejects.toThrow();
});

test('tables that do not answer are told to balancers and callers, without a word about the server', async () => {
  const config = configOf(
    `${references} url: "http://127.0.0.1:1" }\nserving: { access_log: false }\nlogging: { level: silent }`,
  );
  await using serving = Object.assign(await serveAlone(config, { version: 'test', clock: systemClock, log }), {
    async [Symbol.asyncDispose]() {
      await serving.close();
    },
  });
  await expect.poll(async () => (await fetch(`${serving.controlUrl}/readyz`)).status).toBe(503);
  const response = await fetch(`${serving.url}/api/v1/organizations/acme/flights`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  const body = await response.text();
  expect(JSON.parse(body)).toMatchObject({ code: 'TABLES_UNAVAILABLE', detail: 'the tables do not answer now' });
  expect(body).not.toContain('127.0.0.1:1');
});

test('embedded tables are served by the engine that has them alone', async () => {
  await expect(
    serveAlone(configOf('http: { port: 0 }'), { version: 'test', clock: systemClock, log }),
  ).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('paceline run'),
  });
});
