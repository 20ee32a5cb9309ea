import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FactName, type Facts, onFact } from '../../../src/model/facts.ts';
import type { Clock, WallTimeMs } from '../../../src/model/time.ts';
import type { PostgresSettings } from '../../../src/plans/postgres/config.ts';

import { EditWatcher } from '../../../src/plans/postgres/watch-edits.ts';
import { RecordedPlans } from './recorded-plans.ts';
import { ruleText } from './rows.ts';
import { asLogin, makeDatabase, queueIsFull, type TestDatabase } from './server.ts';

/** The rest between two passes; whoever is told of an edit may have to wait so long. */
const passRestMs = 50;

/** Time stands still until the test lets the sleepers go; but for the rest between two passes. */
class HeldClock implements Clock {
  readonly sleeps: number[] = [];
  #sleepers: (() => void)[] = [];

  wallMs(): WallTimeMs {
    return 0 as WallTimeMs;
  }
  steadyMs(): number {
    return this.wallMs();
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (ms <= passRestMs) return;
    this.sleeps.push(ms);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal?.addEventListener('abort', () => reject(signal.reason));
    this.#sleepers.push(resolve);
    await promise;
  }
  letGo(): void {
    for (const resolve of this.#sleepers.splice(0)) resolve();
  }
}

/** A way to the server that the test can cut. */
class Way {
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #target: URL;
  port = 0;

  constructor(target: string) {
    this.#target = new URL(target);
  }
  async open(): Promise<void> {
    this.#server = createServer((near) => {
      const far = connect(Number(this.#target.port), this.#target.hostname);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        this.#sockets.add(from);
        from.pipe(to).on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
    });
    await new Promise<void>((resolve) => this.#server!.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as { port: number }).port;
  }
  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    await closed;
  }
}

describe('watching edits', () => {
  let database: TestDatabase;
  let service: PostgresSettings;
  let log: RecordedPlans;
  const failures: unknown[] = [];
  const cleanUps: (() => unknown)[] = [];

  beforeEach(async () => {
    database = await makeDatabase();
    service = await database.login('paceline_service');
    log = new RecordedPlans(1);
    failures.length = 0;
    await asLogin(service, (client) => client.query("INSERT INTO paceline.organizations (id) VALUES ('acme')"));
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    await database[Symbol.asyncDispose]();
    expect(failures).toEqual([]);
  });

  function watch(clock: Clock, settings = service): EditWatcher {
    const target = { stream: 's', topic: 'ads.events.v1', log };
    const watcher = new EditWatcher({ settings, target, clock, onFailure: (error) => failures.push(error) });
    watcher.start();
    cleanUps.push(() => watcher.stop());
    return watcher;
  }

  function collect<Name extends FactName>(name: Name): Facts[Name][] {
    const facts: Facts[Name][] = [];
    cleanUps.push(onFact(name, (fact) => facts.push(fact)));
    return facts;
  }

  const addRule = (id: string, text = ruleText(id)) =>
    asLogin(service, (client) =>
      client.query("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('acme', $1, $2)", [id, text]),
    );
  const until = (look: () => unknown, what: unknown) =>
    expect.poll(look, { timeout: 20_000, interval: 5 }).toEqual(what);

  test('an edit is applied at once, without any time passing', async () => {
    const clock = new HeldClock();
    watch(clock);
    await until(() => log.numbersOf('acme'), [1]);
    for (const [at, id] of ['first', 'second', 'third'].entries()) {
      await addRule(id);
      await until(() => log.numbersOf('acme').length, at + 2);
    }
    expect(log.inForce('acme')!.body).toContain('"third"');
  });

  test('an edit whose notification got lost is found by the poll', async () => {
    const clock = new HeldClock();
    watch(clock);
    await until(() => clock.sleeps, [5_000]);
    const listeners =
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%notify_queue_usage%' AND pid <> pg_backend_pid()";
    await asLogin(database.settings, (client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM (${listeners}) AS held`),
    );
    await until(() => asLogin(database.settings, async (client) => (await client.query(listeners)).rows), []);
    await addRule('mine');
    expect(log.numbersOf('acme')).toEqual([1]);
    clock.letGo();
    await until(() => log.numbersOf('acme'), [1, 2]);
    // And it listens again.
    await addRule('other');
    await until(() => log.numbersOf('acme'), [1, 2, 3]);
  });

  test('while the queue of notifications is full, edits are taken all the same and found by the poll', async () => {
    const clock = new HeldClock();
    const seen = collect('control.notify_queue');
    await asLogin(database.settings, (client) => client.query(queueIsFull));
    watch(clock);
    await until(() => clock.sleeps, [5_000]);
    expect(seen.at(-1)).toEqual({ usage: 0.93, isFull: true });
    await asLogin(service, async (client) => {
      const told: unknown[] = [];
      client.on('notification', (notification) => told.push(notification));
      await client.query('LISTEN paceline_edits');
      await client.query("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('acme', 'mine', $1)", [
        ruleText('mine'),
      ]);
      await client.query('SELECT 1');
      expect(told).toEqual([]);
    });
    expect(log.numbersOf('acme')).toEqual([1]);
    // The rest between two polls is slept through in pieces.
    await expect
      .poll(
        () => {
          clock.letGo();
          return log.numbersOf('acme');
        },
        { timeout: 20_000, interval: 5 },
      )
      .toEqual([1, 2]);
  });

  test('while the server is away rules stay in force; we ask with growing pauses, and go on when it is back', async () => {
    const way = new Way(service.url!);
    await way.open();
    cleanUps.push(() => way.cut());
    const settings = { ...service, url: service.url!.replace(/:\d+\//, `:${way.port}/`) };
    const clock = new HeldClock();
    const failed = collect('control.failed');
    const reached = collect('control.reached');
    watch(clock, settings);
    await until(() => clock.sleeps, [5_000]);
    await way.cut();
    for (let attempt = 1; attempt <= 4; attempt++) {
      clock.letGo();
      await until(() => clock.sleeps.length, attempt + 1);
    }
    expect(clock.sleeps.slice(1)).toEqual([200, 400, 800, 1_600]);
    expect(failed.map(({ attempt, error }) => `${attempt} ${(error as { code: string }).code}`)).toEqual(
      [1, 2, 3, 4].map((attempt) => `${attempt} CONTROL_UNAVAILABLE`),
    );
    expect(log.numbersOf('acme')).toEqual([1]);
    await addRule('mine');
    await way.open();
    clock.letGo();
    await until(() => log.numbersOf('acme'), [1, 2]);
    await until(() => reached.map(({ failures: count }) => count), [0, 4]);
  });

  test('a broken row is told with its place, an appended plan with its offset', async () => {
    const refused = collect('plan.refused');
    const appended = collect('plan.appended');
    watch(new HeldClock());
    await until(() => appended.length, 2);
    await addRule('mine', ruleText('mine', 'p.osi < 90.0'));
    await until(() => refused.map(({ orgId }) => orgId), ['acme']);
    expect(refused[0].problems[0]).toMatch(/^postgres rules\(acme, mine\)\.definition:5:10: /);
    expect(appended.at(-1)).toEqual({ orgId: 'acme', partition: 0, number: 1, offset: 1 });
  });

  test('what is a bug is told once and ends the watch', async () => {
    log.fault = () => {
      throw new TypeError('x is not a function');
    };
    const watcher = watch(new HeldClock());
    await until(() => failures.map((error) => (error as Error).message), ['x is not a function']);
    await watcher.stop();
    failures.length = 0;
  });

  test('it stops at any moment', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const watcher = watch(new HeldClock());
      if (turn > 0) await new Promise((resolve) => setImmediate(resolve));
      await watcher.stop();
      cleanUps.pop();
    }
    expect(failures).toEqual([]);
  });
});
