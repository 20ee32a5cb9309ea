import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { startEmbeddedClickHouse } from '../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import { openTestEngine, type TestEngine } from '../embedded-clickhouse/embedded.ts';

let engine: TestEngine;
let readToken: string;
beforeAll(async () => {
  engine = await openTestEngine();
  readToken = engine.engine.readToken;
  const sink = engine.sinkAt();
  await sink.migrate();
  await sink.close();
});
afterAll(() => engine.close());

/** Marks queries so that they can be found among those that run. */
const mark = '4711';
const endless = `SELECT sum(cityHash64(number, ${mark})) FROM numbers(1000000000000)`;

async function running(): Promise<number> {
  const sql = `SELECT count() FROM system.processes WHERE query LIKE '%${mark}%' AND query NOT LIKE '%processes%'`;
  return Number((await engine.ask(sql)).text);
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await systemClock.sleep(20);
}

// Threads, files, other people's queries, the network: each of these once answered.
test.each([
  'SELECT 1 FROM system.stack_trace UNION ALL SELECT 2 FROM system.stack_trace',
  'SELECT * FROM system . stack_trace',
  'SELECT * FROM `system`.`stack_trace`',
  'SELECT * FROM "system"."stack_trace"',
  'SELECT * FROM/**/system/**/./**/stack_trace',
  'SELECT * FROM SYSTEM.stack_trace',
  'WITH x AS (SELECT * FROM system.stack_trace) SELECT count() FROM x',
  'SELECT 1 WHERE 1 IN (SELECT 1 FROM system.stack_trace)',
  'SELECT * FROM (SELECT * FROM system.stack_trace) AS one',
  'SELECT * FROM view(SELECT * FROM system.stack_trace)',
  'DESCRIBE system.stack_trace',
  'EXPLAIN SELECT * FROM system.stack_trace',
  'SELECT * FROM system.processes',
  'SHOW PROCESSLIST',
  'SELECT * FROM system.query_log',
  'SELECT * FROM system.zookeeper',
  'SELECT * FROM system.dns_cache',
  'SELECT * FROM system.users',
  'SELECT * FROM system.server_settings',
  'SELECT * FROM system.remote_data_paths',
  'SELECT * FROM system.`tables`, system.stack_trace',
  'SELECT * FROM system.',
  'KILL QUERY WHERE 1',
  'SYSTEM SHUTDOWN',
  'ALTER TABLE ads.late_events DELETE WHERE 1',
  'OPTIMIZE TABLE ads.late_events FINAL',
])('a reader is refused: %s', async (sql) => {
  expect(await engine.ask(sql, readToken)).toMatchObject({ status: 403, code: '497' });
});

test('a reader cannot stand in a database of the engine', async () => {
  for (const database of ['system', 'SYSTEM', 'default', '_temporary_and_external_tables']) {
    const { text } = await engine.ask('SELECT count() FROM stack_trace', readToken, { database });
    expect(text).toMatch(/Not enough privileges|UNKNOWN_TABLE/);
  }
});

test.each([
  ['SELECT count() > 5 FROM system.tables', '1\n'],
  ["SELECT name FROM system.columns WHERE database = 'ads' AND table = 'late_events' LIMIT 1", 'org_id\n'],
  ['SELECT count() > 0 FROM information_schema.tables', '1\n'],
  ["SHOW TABLES FROM ads LIKE 'late%'", 'late_events\n'],
  ["SELECT 'system.stack_trace'", 'system.stack_trace\n'],
])('what clients ask for is answered: %s', async (sql, text) => {
  expect(await engine.ask(sql, readToken)).toMatchObject({ status: 200, text });
});

test('a query ends with its caller, in the engine too; the next reader gets its lane', async () => {
  const hung = Array.from({ length: 5 }, () => {
    const leaving = new AbortController();
    const headers = { 'X-ClickHouse-Key': readToken };
    const answer = fetch(engine.engine.url, { method: 'POST', headers, body: endless, signal: leaving.signal });
    return {
      leaving,
      answer: answer.then(
        () => 'answered',
        () => 'left',
      ),
    };
  });
  // Three run, two wait for a lane. Looking is a read itself, so the first must be seen before the third runs.
  await systemClock.sleep(300);
  for (const { leaving } of hung) leaving.abort();
  expect(await Promise.all(hung.map(({ answer }) => answer))).toEqual(hung.map(() => 'left'));
  await until(async () => (await running()) === 0);
  expect(await engine.ask('SELECT 1', readToken)).toMatchObject({ status: 200 });
});

test('readers who want more memory than is theirs get a clear answer, and the engine writes on', async () => {
  const huge = 'SELECT uniqExact(number * 7) FROM numbers(100000000)';
  const reading = Promise.all([1, 2, 3].map(() => engine.ask(huge, readToken)));
  let isOver = false;
  const over = reading.then(() => {
    isOver = true;
  });
  let writes = 0;
  while (!isOver) {
    const sql = `CREATE TABLE IF NOT EXISTS ads.held${writes} ENGINE = MergeTree ORDER BY number AS SELECT number FROM numbers(100000)`;
    expect(await engine.ask(sql)).toMatchObject({ status: 200 });
    expect(await engine.ask(`DROP TABLE ads.held${writes}`)).toMatchObject({ status: 200 });
    writes += 1;
  }
  await over;
  for (const { status, code, text } of await reading) {
    expect({ status, code }).toEqual({ status: 500, code: '241' });
    expect(text).toContain("a reader's query may take 512 MiB of memory");
  }
  expect(writes).toBeGreaterThan(0);
  expect(await engine.ask('SELECT 1', readToken)).toMatchObject({ status: 200, text: '1\n' });
});

test('a body that never comes keeps nobody from being answered', async () => {
  const { hostname, port } = new URL(engine.engine.url);
  const sockets = Array.from({ length: 20 }, () => connect(Number(port), hostname));
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nX-ClickHouse-Key: ${readToken}\r\nContent-Length: 1000\r\n\r\nSELECT`);
  }
  expect(await engine.ask('SELECT 1', readToken)).toMatchObject({ status: 200 });
  for (const socket of sockets) socket.destroy();
  expect(await engine.ask('SELECT 2', readToken)).toMatchObject({ status: 200, text: '2\n' });
});

test('a front that falls silent is brought back', async () => {
  const warned: object[] = [];
  const silent = await startEmbeddedClickHouse({
    ...{ dir: `${engine.directory}/silent`, port: 0, clock: systemClock, pingEveryMs: 50, silenceMaxMs: 1_500 },
    log: { warn: (fields) => warned.push(fields) },
  });
  try {
    const { pid } = silent;
    process.kill(pid, 'SIGSTOP');
    await until(async () => silent.pid !== pid);
    await until(() =>
      fetch(`${silent.url}/ping`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    expect(warned).toContainEqual(expect.objectContaining({ event: 'engine_child_silent' }));
  } finally {
    await silent.stop();
  }
}, 30_000);
