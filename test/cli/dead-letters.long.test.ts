import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { produceInto } from '../../src/adapters/log/produce-file.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { type Engine, startEngine } from '../../src/app.ts';
import { commands } from '../../src/cli/commands.ts';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../src/control/query-client.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { fakeTerminal } from './terminal-double.ts';

// A whole engine: a bad record is refused, mended by a person, sent again, counted once; beside the engine and without
// it, and with what bronze has when the log has forgotten.
const dir = mkdtempSync(join(tmpdir(), 'paceline-letters-'));
const data = join(dir, 'data');
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
const log = makeLogger({ level: 'silent', clock: systemClock });
const organizations = join(dir, 'organizations.yaml');
const topic = 'ads.events.v1';

function load() {
  const overrides = {
    ...{
      data_directory: data,
      http: { port: 0 },
      clickhouse: { port: 0 },
      serving: { port: 0 },
      log: { partitions: 1 },
    },
    plans: { organizations, rules: join(dir, 'rules') },
  };
  return loadConfig([], { shippedConfigDirectory, overrides });
}

let engine: Engine | null = null;
const start = async () => {
  engine = await startEngine(load(), { version: 'test', clock: systemClock, log });
};
const stop = async () => {
  await engine?.stop();
  engine = null;
};
beforeAll(async () => {
  mkdirSync(join(dir, 'rules'));
  writeFileSync(organizations, 'defaults: {}\n');
  await start();
}, 60_000);
afterAll(async () => {
  await stop();
  rmSync(dir, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const { terminal, texts } = fakeTerminal();
  const exit = await runCommandLine([...args, '--data', data], commands, terminal);
  return { exit, ...texts };
}
const json = async (...args: string[]) => {
  const { exit, out, notes } = await run(...args, '--json');
  expect(exit, notes).toBe(0);
  return JSON.parse(out);
};

const click = (n: number, more: object = {}) => ({
  ...{ type: 'click', event_id: n.toString(16).padStart(32, '0'), org_id: 'acme', campaign_id: 'c1' },
  ...{ source: 'adserver', currency: 'EUR', event_time: Date.now() - 60_000, cost_micros: 7, ...more },
});

async function produce(...values: object[]): Promise<void> {
  const file = join(dir, 'events.jsonl');
  writeFileSync(file, values.map((value) => `${JSON.stringify({ key: 'acme', value })}\n`).join(''));
  await produceInto(file, load().config, { clock: systemClock, log }, { onProgress: () => {} });
  await engine!.drain();
}

async function clicks(): Promise<unknown> {
  await engine!.drain();
  const [row] = rowsOf(
    await askClickHouse(
      engine!.parts.queries!,
      'SELECT toUInt32(sum(clicks)) AS clicks FROM campaign_metrics_daily FINAL',
    ),
  );
  return (row as { clicks: unknown }).clicks;
}

test('a mended record is sent beside the engine, once, and counted', async () => {
  await produce(click(1), click(2, { event_time: 'yesterday' }), click(3, { currency: 'euro' }));
  expect(await clicks()).toBe(1);
  const letters = await json('dead-letters', 'list', 'acme');
  expect(letters.map(({ reason }: { reason: string }) => reason)).toEqual(['bad_field', 'bad_field']);
  const [{ address }] = letters.slice(-1);
  expect((await run('dead-letters', 'show', 'acme', address)).out).toContain(
    'decoding says now: bad_field: event_time',
  );
  const held = await run('dead-letters', 'replay', 'acme', '--yes');
  expect([held.exit, held.out]).toEqual([1, expect.stringContaining('0 sent, 2 held back')]);

  const mended = join(dir, 'mended.json');
  writeFileSync(mended, `${JSON.stringify(click(2))}\n`);
  const dry = await run('dead-letters', 'replay', 'acme', address, '--value', mended);
  expect([dry.exit, dry.out, dry.notes]).toEqual([
    0,
    expect.stringContaining('would be sent'),
    expect.stringContaining('--yes'),
  ]);
  expect(await clicks()).toBe(1);
  const done = await json('dead-letters', 'replay', 'acme', address, '--value', mended, '--yes');
  expect(done).toMatchObject({ sent: 1, letters: [{ outcome: 'sent', is_mended: true }] });
  expect(await clicks()).toBe(2);
  expect(await json('dead-letters', 'replay', 'acme', address, '--value', mended, '--yes')).toMatchObject({
    ...{ sent: 0, letters: [{ outcome: 'already_sent' }] },
  });
  expect(await clicks()).toBe(2);

  const [{ new_partition, new_log_offset }] = done.letters;
  const record = await json('record', 'acme', `${topic}/${new_partition}/${new_log_offset}`);
  expect(record).toMatchObject({ held_by: 'log', kind: 'click', fate: 'taken', fields: { cost_micros: 7 } });
  expect(record.changed).toMatchObject([{ table: 'campaign_metrics_daily', campaign_id: 'c1', is_last: true }]);
  const [sent] = await json('dead-letters', 'replays', 'acme');
  expect(sent).toMatchObject({ address, is_mended: true, by: expect.stringContaining('by paceline dead-letters') });
}, 60_000);

test('without an engine it is the same, and a second start counts what was sent', async () => {
  await stop();
  const [{ address }] = await json('dead-letters', 'list', 'acme', '--limit', '1');
  const mended = join(dir, 'mended.json');
  writeFileSync(mended, JSON.stringify(click(3)));
  expect((await run('dead-letters', 'replay', 'acme', address, '--value', mended, '--yes')).out).toContain(
    '1 sent, 0 held back',
  );
  await start();
  expect(await clicks()).toBe(3);
}, 60_000);

test('what the log has forgotten comes from bronze, and what nobody has is said so', async () => {
  await engine!.drain();
  await stop();
  const [{ new_log_offset }] = await json('dead-letters', 'replays', 'acme');
  const lane = join(data, 'log', topic, readdirSync(join(data, 'log', topic)).find((name) => name.startsWith('0'))!);
  for (const name of readdirSync(lane)) rmSync(join(lane, name));
  const record = await json('record', 'acme', `${topic}/0/${new_log_offset}`);
  expect(record).toMatchObject({ held_by: 'bronze', kind: 'click', fields: { campaign_id: 'c1' } });
  const gone = await run('record', 'acme', `${topic}/0/999999`);
  expect([gone.exit, gone.notes]).toEqual([65, expect.stringContaining('NOT_FOUND')]);
}, 60_000);

test('a wrong call is refused with what is right', async () => {
  expect((await run('dead-letters', 'repaly', 'acme')).notes).toContain('did you mean replay?');
  expect((await run('dead-letters', 'show', 'acme')).notes).toContain('takes one ADDRESS');
  expect((await run('dead-letters', 'list', 'acme', '--from', 'monday')).notes).toContain('--from must be an instant');
  expect((await run('record', 'acme', 'x')).notes).toContain('TOPIC/PARTITION/OFFSET');
});
