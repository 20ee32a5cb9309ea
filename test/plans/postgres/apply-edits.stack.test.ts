import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyEdits, type EditsOutcome } from '../../../src/plans/postgres/apply-edits.ts';
import type { PostgresSettings } from '../../../src/plans/postgres/config.ts';
import { Database } from '../../../src/plans/postgres/database.ts';
import type { PlanTarget } from '../../../src/plans/postgres/plan-ledger.ts';
import { Killed, RecordedPlans } from './recorded-plans.ts';
import { ruleText } from './rows.ts';
import { asLogin, makeDatabase, type TestDatabase } from './server.ts';

describe('edits', () => {
  let test_: TestDatabase;
  let service: PostgresSettings;
  let database: Database;
  let streams = 0;

  beforeAll(async () => {
    test_ = await makeDatabase();
    service = await test_.login('paceline_service');
    database = new Database(service);
  });
  afterAll(async () => {
    await database.close();
    await test_[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await sql('DELETE FROM paceline.rules');
    await sql('DELETE FROM paceline.pipelines');
    await sql("DELETE FROM paceline.organizations WHERE id <> '_default'");
    await addOrganizations('acme', 'bolt');
  });

  const sql = (text: string, values: unknown[] = []) => asLogin(service, (client) => client.query(text, values));
  const addRule = (org: string, id: string, text = ruleText(id)) =>
    sql('INSERT INTO paceline.rules (org_id, id, definition) VALUES ($1, $2, $3)', [org, id, text]);

  async function addOrganizations(...ids: string[]): Promise<void> {
    await sql('INSERT INTO paceline.organizations (id) SELECT unnest($1::text[])', [ids]);
  }

  function newTarget(log = new RecordedPlans()): PlanTarget & { log: RecordedPlans } {
    streams += 1;
    return { stream: `stream-${streams}`, topic: 'ads.events.v1', log };
  }

  async function apply(target: PlanTarget, isForced = false): Promise<EditsOutcome & { kind: 'applied' }> {
    const outcome = await applyEdits(database, target, { isForced });
    expect(outcome.kind).toBe('applied');
    return outcome as EditsOutcome & { kind: 'applied' };
  }

  const ledgerOf = async ({ stream }: PlanTarget) =>
    (
      await sql(
        'SELECT org_id, partition, number::int, state, log_offset::int FROM paceline.plans WHERE stream = $1 ORDER BY org_id, partition, number',
        [stream],
      )
    ).rows;

  test('plans that the log forgot are said again under their numbers, at the next start', async () => {
    const target = newTarget();
    await apply(target);
    const before = target.log.records.map(({ orgId, partition, number, body }) => ({ orgId, partition, number, body }));
    // A ledger that came later took them over from the log, and knows neither offset nor words.
    await sql(
      "UPDATE paceline.plans SET state = 'found', body = NULL, log_offset = NULL WHERE stream = $1 AND org_id = 'bolt'",
      [target.stream],
    );
    await apply(target, true);
    expect(target.log.records).toHaveLength(before.length);
    target.log.oldest = before.length;
    const { plans } = await apply(target, true);
    expect(plans.every(({ offset }) => offset !== null)).toBe(true);
    const again = target.log.records.slice(before.length);
    expect(again.map(({ orgId, partition, number, body }) => ({ orgId, partition, number, body }))).toEqual(before);
    expect((await ledgerOf(target)).every(({ log_offset }) => Number(log_offset) >= before.length)).toBe(true);
    expect((await apply(target, true)).plans.every(({ offset }) => offset === null)).toBe(true);
  });

  test('each becomes one numbered plan of its organization; what did not change appends nothing', async () => {
    const target = newTarget();
    await apply(target);
    expect([target.log.numbersOf('acme'), target.log.numbersOf('bolt')]).toEqual([[1], [1]]);
    expect(target.log.records.filter(({ orgId }) => orgId === '_default').map(({ partition }) => partition)).toEqual([
      0, 1, 2, 3,
    ]);
    expect((await applyEdits(database, target, { isForced: false })).kind).toBe('unchanged');
    await addRule('acme', 'mine');
    await apply(target);
    await apply(target, true);
    expect([target.log.numbersOf('acme'), target.log.numbersOf('bolt')]).toEqual([[1, 2], [1]]);
    expect(JSON.parse(target.log.inForce('acme')!.body)).toMatchObject({
      org_id: 'acme',
      number: 2,
      rules: [{ id: 'mine' }],
    });
    const ledger = await ledgerOf(target);
    expect(ledger.every(({ state, log_offset }) => state === 'appended' && log_offset !== null)).toBe(true);
    const body = (
      await sql('SELECT body, log_offset::int FROM paceline.plans WHERE stream = $1 AND org_id = $2 AND number = 2', [
        target.stream,
        'acme',
      ])
    ).rows[0];
    expect(body).toEqual({ body: target.log.records[body.log_offset].body, log_offset: body.log_offset });
  });

  test('four instances that all try, again and again, give each edit one number and one record', async () => {
    const target = newTarget();
    const pools = Array.from({ length: 4 }, () => new Database(service));
    let isOver = false;
    try {
      const instances = pools.map(async (pool) => {
        let held = 0;
        while (!isOver) held += Number((await applyEdits(pool, target, { isForced: true })).kind === 'applied');
        return held;
      });
      for (let edit = 0; edit < 12; edit++) {
        await addRule(edit % 2 === 0 ? 'acme' : 'bolt', `rule-${edit}`);
        await expect
          .poll(() => target.log.inForce(edit % 2 === 0 ? 'acme' : 'bolt')?.body, { timeout: 20_000, interval: 10 })
          .toContain(`"rule-${edit}"`);
      }
      isOver = true;
      const held = await Promise.all(instances);
      expect(held.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(12);
    } finally {
      isOver = true;
      await Promise.allSettled(pools.map((pool) => pool.close()));
    }
    // The first plan of each may have come before or with its first edit.
    for (const org of ['acme', 'bolt']) {
      const numbers = target.log.numbersOf(org);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
      expect([6, 7]).toContain(numbers.length);
    }
  });

  test.each(['before', 'after'] as const)(
    'a kill right %s an append: the same number again, never another',
    async (moment) => {
      for (let victim = 0; victim < 6; victim++) {
        const target = newTarget();
        let appends = 0;
        target.log.fault = () => (appends++ === victim ? moment : 'none');
        // Six records: the default plan of four lanes, acme, bolt.
        await expect(applyEdits(database, target, { isForced: false })).rejects.toBeInstanceOf(Killed);
        expect((await ledgerOf(target)).filter(({ state }) => state === 'pending')).toHaveLength(1);
        const killed = target.log.records.length;
        // An edit of the very organization in the meantime does not change what the number says.
        await addRule('acme', `new-${victim}`);
        await expect
          .poll(async () => (await applyEdits(database, target, { isForced: false })).kind, { timeout: 10_000 })
          .toBe('applied');
        const repeats = target.log.records.filter((record, at) =>
          target.log.records
            .slice(0, at)
            .some(
              (other) =>
                other.orgId === record.orgId && other.partition === record.partition && other.number === record.number,
            ),
        );
        expect(repeats).toHaveLength(moment === 'after' ? 1 : 0);
        for (const repeat of repeats) expect(repeat).toEqual(target.log.records[killed - 1]);
        expect(target.log.inForce('acme')!.body).toContain(`"new-${victim}"`);
        expect((await ledgerOf(target)).every(({ state }) => state === 'appended')).toBe(true);
      }
    },
  );

  test('an instance that stalls in an append and loses its connection cannot change a number', async () => {
    const target = newTarget();
    await apply(target);
    await addRule('acme', 'mine');
    const stalled = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const zombie = new RecordedPlans();
    zombie.records.push(...target.log.records);
    zombie.fault = async () => {
      reached.resolve();
      await stalled.promise;
      return 'none' as const;
    };
    const pool = new Database(service);
    try {
      const attempt = applyEdits(pool, { ...target, log: zombie }, { isForced: false });
      const failed = expect(attempt).rejects.toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
      await reached.promise;
      await asLogin(test_.settings, (client) =>
        client.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'",
        ),
      );
      await expect
        .poll(async () => (await applyEdits(database, target, { isForced: false })).kind, { timeout: 10_000 })
        .toBe('applied');
      await addRule('acme', 'later');
      await apply(target);
      stalled.resolve();
      await failed;
      // What the zombie appends at last is a record that the log has already.
      target.log.records.push(zombie.records.at(-1)!);
    } finally {
      await pool.close();
    }
    expect(target.log.numbersOf('acme')).toEqual([1, 2, 3, 2]);
    expect(target.log.records.at(-1)).toEqual(
      target.log.records.find(({ orgId, number }) => orgId === 'acme' && number === 2),
    );
    expect(target.log.inForce('acme')!.body).toContain('"later"');
  });

  test('a new ledger goes on from the numbers that the log has, and asks the log once', async () => {
    const target = newTarget();
    await apply(target);
    await addRule('acme', 'mine');
    await apply(target);
    const again = { ...newTarget(), log: target.log };
    const before = again.log.newestCalls;
    expect((await apply(again)).plans.every(({ offset }) => offset === null)).toBe(true);
    expect((await ledgerOf(again)).every(({ state }) => state === 'found')).toBe(true);
    await addRule('acme', 'second');
    await apply(again);
    expect(target.log.numbersOf('acme')).toEqual([1, 2, 3]);
    expect(again.log.newestCalls - before).toBe(6);
  });

  test('a broken row stops its own organization, keeps its plan in force, and is told', async () => {
    const target = newTarget();
    await apply(target);
    await addRule('acme', 'mine', ruleText('mine', 'p.osi < 90.0'));
    await addRule('bolt', 'mine');
    const { refused } = await apply(target);
    expect(refused.map(({ orgId }) => orgId)).toEqual(['acme']);
    expect(refused[0].problems[0]).toMatchObject({
      file: 'postgres rules(acme, mine).definition',
      line: 5,
      column: 10,
    });
    expect([target.log.numbersOf('acme'), target.log.numbersOf('bolt')]).toEqual([[1], [1, 2]]);
    await sql("UPDATE paceline.rules SET definition = $1 WHERE org_id = 'acme'", [ruleText('mine')]);
    expect((await apply(target)).refused).toEqual([]);
    expect(target.log.numbersOf('acme')).toEqual([1, 2]);
  });

  test('whoever is gone follows the defaults again; whoever lives in another topic is left to it', async () => {
    const target = newTarget();
    await addRule('_default', 'all');
    await addRule('acme', 'mine');
    await sql("INSERT INTO paceline.pipelines (org_id, id, source_topic) VALUES ('bolt', 'main', 'ads.events.bolt')");
    await apply(target);
    expect(target.log.numbersOf('bolt')).toEqual([]);
    const elsewhere = { ...newTarget(new RecordedPlans(2)), topic: 'ads.events.bolt' };
    await apply(elsewhere);
    expect(elsewhere.log.numbersOf('bolt')).toEqual([1]);
    await sql("DELETE FROM paceline.rules WHERE org_id = 'acme'");
    await sql("DELETE FROM paceline.organizations WHERE id = 'acme'");
    await apply(target);
    expect(JSON.parse(target.log.inForce('acme')!.body)).toMatchObject({ number: 2, rules: [{ id: 'all' }] });
    await addRule('_default', 'another');
    await apply(target);
    expect(JSON.parse(target.log.inForce('acme')!.body).rules).toHaveLength(2);
  });

  test('a database that was never migrated is refused with what to do', async () => {
    await using empty = await makeDatabase({ isMigrated: false });
    const pool = new Database(empty.settings);
    try {
      await expect(applyEdits(pool, newTarget(), { isForced: false })).rejects.toMatchObject({
        code: 'CONTROL_REFUSED',
        message: expect.stringContaining('run "paceline migrate"'),
      });
    } finally {
      await pool.close();
    }
  });
});
