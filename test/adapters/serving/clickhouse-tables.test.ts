import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ClickHouseTables } from '../../../src/adapters/serving/clickhouse-tables.ts';
import { Turns } from '../../../src/adapters/serving/turns.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import type { EngineError } from '../../../src/model/errors.ts';

/** A ClickHouse that answers when and how the test says. */
class SlowServer {
  readonly asked: URL[] = [];
  readonly headers: Record<string, unknown>[] = [];
  gone = 0;
  answer: (sql: string) => Promise<{ status: number; text: string }> = () => new Promise(() => {});
  readonly server: Server = createServer((request, response) => {
    this.asked.push(new URL(request.url!, 'http://x'));
    this.headers.push(request.headers);
    response.on('close', () => {
      if (!response.writableFinished) this.gone += 1;
    });
    let sql = '';
    request.on('data', (chunk) => {
      sql += chunk;
    });
    request.on('end', () => {
      void this.answer(sql).then(({ status, text }) => response.writeHead(status).end(text));
    });
  });
}

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function tablesOver(
  server: SlowServer,
  options: Partial<ConstructorParameters<typeof ClickHouseTables>[0]> = {},
) {
  await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve));
  const troubles: EngineError[] = [];
  const tables = new ClickHouseTables({
    endpoint: { url: `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`, headers: {} },
    ...{ database: 'ads', isEmbedded: true, cluster: null, clock: systemClock, queriesMax: 2, waitingMax: 1 },
    ...{ timeoutMs: 10_000, freshnessMs: 60_000, hotDaysOf: () => 90 },
    onTrouble: (error) => void troubles.push(error),
    ...options,
  });
  open.push(() => {
    tables[Symbol.dispose]();
    server.server.closeAllConnections();
    server.server.close();
  });
  return { tables, troubles };
}

const ofRows = (...rows: unknown[][]) =>
  Promise.resolve({ status: 200, text: JSON.stringify({ meta: [{ name: 'x', type: 'String' }], data: rows }) });
const query = { sql: 'SELECT 1', parameters: {} };

test('as many queries as said run at a time, some wait, and further ones are refused at once', async () => {
  const server = new SlowServer();
  const ends: (() => void)[] = [];
  server.answer = () =>
    new Promise((resolve) => ends.push(() => resolve({ status: 200, text: '{"meta":[],"data":[]}' })));
  const { tables } = await tablesOver(server);
  const running = [1, 2, 3].map(() => tables.of('acme').rows(query));
  await expect(tables.of('acme').rows(query)).rejects.toMatchObject({ code: 'QUERY_OVERLOADED' });
  await expect.poll(() => ends.length).toBe(2);
  ends.shift()!();
  await expect.poll(() => ends.length).toBe(2);
  for (const end of ends) end();
  await Promise.all(running);
  expect(server.asked).toHaveLength(3);
});

test('a query that takes too long ends in the server too, and its place is free again', async () => {
  const server = new SlowServer();
  const { tables } = await tablesOver(server, { queriesMax: 1, timeoutMs: 100 });
  await expect(tables.of('acme').rows(query)).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
  await expect.poll(() => server.gone).toBe(1);
  server.answer = () => ofRows(['a']);
  expect(await tables.of('acme').rows(query)).toEqual([{ x: 'a' }]);
});

test('each call says its organization twice, and a reader can be made for nothing else', async () => {
  const embedded = new SlowServer();
  embedded.answer = () => ofRows();
  const { tables } = await tablesOver(embedded);
  await tables.of('acme').rows({ sql: 'SELECT {a:String}', parameters: { a: "it's", org: 'globex' } });
  expect(embedded.asked[0].searchParams.get('param_org')).toBe('acme');
  expect(embedded.asked[0].searchParams.get('param_a')).toBe("it\\'s");
  expect(embedded.headers[0]['x-paceline-organization']).toBe('acme');
  for (const org of ['', "a' OR 1", 'a b', 'x'.repeat(65)]) expect(() => tables.of(org)).toThrow('invariant broken');
  const apart = new SlowServer();
  apart.answer = () => ofRows();
  const { tables: served } = await tablesOver(apart, { isEmbedded: false });
  await served.of('acme').rows(query);
  expect(apart.asked[0].searchParams.get('additional_table_filters')).toContain(
    `'ads.pacing_latest': 'org_id = \\'acme\\''`,
  );
});

test('old periods are asked of views that know of the lake, looked for once; who may not look says so and reads what is hot', async () => {
  const server = new SlowServer();
  const found = { meta: [{ name: 'name', type: 'String' }], data: [['all_alert_events']] };
  server.answer = () => Promise.resolve({ status: 200, text: JSON.stringify(found) });
  const { tables } = await tablesOver(server);
  const reader = tables.of('acme');
  const dayMs = 86_400_000;
  expect(await reader.since('alert_events', Date.now() - 89 * dayMs)).toEqual({
    sql: 'alert_events AS d FINAL',
    reach: 'hot',
  });
  expect(server.asked).toHaveLength(0);
  for (let n = 0; n < 3; n++)
    expect(await reader.since('alert_events', 0)).toEqual({ sql: 'all_alert_events AS d', reach: 'all_times' });
  expect(await reader.since('late_events', 0)).toEqual({ sql: 'late_events AS d FINAL', reach: 'hot' });
  expect(server.asked).toHaveLength(1);

  const refusing = new SlowServer();
  refusing.answer = () => Promise.resolve({ status: 500, text: 'Code: 497. DB::Exception: Not enough privileges' });
  const { tables: bare, troubles } = await tablesOver(refusing);
  expect(await bare.of('acme').since('alert_events', 0)).toMatchObject({ reach: 'hot' });
  expect(troubles).toHaveLength(1);
});

test('what is wrong with the server is told apart', async () => {
  const server = new SlowServer();
  const { tables } = await tablesOver(server);
  server.answer = () => Promise.resolve({ status: 500, text: 'Code: 47. DB::Exception: Unknown identifier' });
  await expect(tables.of('acme').rows(query)).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  server.server.closeAllConnections();
  await new Promise((resolve) => server.server.close(resolve));
  await expect(tables.of('acme').rows(query)).rejects.toMatchObject({ code: 'TABLES_UNAVAILABLE' });
});

test('the version of the data is asked once for all who need it; without the right to, answers are kept shortly', async () => {
  const server = new SlowServer();
  server.answer = () => ofRows(['v1']);
  const { tables } = await tablesOver(server);
  const versions = await Promise.all([1, 2, 3].map(() => tables.dataVersion()));
  expect([new Set(versions).size, server.asked.length]).toEqual([1, 1]);
  const refusing = new SlowServer();
  refusing.answer = () => Promise.resolve({ status: 403, text: 'Code: 497. DB::Exception: Not enough privileges' });
  const { tables: others, troubles } = await tablesOver(refusing);
  expect(await others.dataVersion()).toMatch(/^at-\d+$/);
  expect(troubles.map(({ code }) => code)).toEqual(['QUERY_REFUSED']);
});

test('whoever gives up while it waits leaves its place in the queue to others', async () => {
  const turns = new Turns(1, 5);
  const { promise, resolve } = Promise.withResolvers<void>();
  const never = new AbortController().signal;
  const first = turns.take(never, () => promise);
  const leaving = new AbortController();
  const second = turns.take(leaving.signal, () => Promise.resolve('second'));
  const third = turns.take(never, () => Promise.resolve('third'));
  leaving.abort(new Error('gave up'));
  await expect(second).rejects.toThrow('gave up');
  resolve();
  await first;
  expect(await third).toBe('third');
  await expect(turns.take(never, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await turns.take(never, () => Promise.resolve('free again'))).toBe('free again');
});
