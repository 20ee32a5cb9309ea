import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WholeErasure } from '../../../src/adapters/erase-organization.ts';
import { drillLake } from '../../../src/adapters/lake/drill-lake.ts';
import { writeGoldLayer, writeSilverLayer } from '../../../src/adapters/lake/write-layers.ts';
import { partitionOfKey } from '../../../src/model/hash.ts';
import { tables } from '../../../src/rows/tables.ts';
import { mainFile, silent, type TextRow, WorkedDirectory } from '../layers/worked-directory.ts';

const seed = 61;
const quiet = { isDryRun: false, onProgress: () => {} };
let directory: WorkedDirectory;
let org: string;
let before: ReadonlyMap<string, TextRow[]>;
let beforeGold: ReadonlyMap<string, TextRow[]>;
let worldEnd: number;
/** Names that only the organization has. */
const markers = ['marker-campaign', 'marker-broken', 'marker-time', 'ann@markers.example'];

function paceline(args: readonly string[], env: Record<string, string> = {}) {
  const file = join(directory.path, 'paceline.yaml');
  return spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', mainFile, ...args, '--config', file, '--data', directory.path],
    { encoding: 'utf8', env: { ...process.env, ...env }, timeout: 300_000 },
  );
}

/** Files of the data directory that have a text in them; not what the simulator tells of its world. */
function filesWith(text: string): string[] {
  return readdirSync(directory.path, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/erasures') && entry.name !== 'truth.json')
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path.includes(text) || readFileSync(path).includes(text));
}

/** Sends records of the organization, `days` after the world of the log, which lies in the past, and works them off. */
function send(days: number, ...values: readonly Record<string, unknown>[]): void {
  const at = worldEnd + days * 86_400_000;
  const all = values.map((value, index) => ({
    ...{
      type: 'impression',
      org_id: org,
      event_id: index.toString(16).padStart(32, '0'),
      source: 'dsp',
      currency: 'EUR',
    },
    ...{ event_time: at, produced_at: at, cost_micros: 1_000_000, cost_basis: 'MEDIA' },
    lane: undefined as number | undefined,
    ...value,
  }));
  const file = join(directory.path, 'sent.jsonl');
  const lines = all.map(({ lane, ...value }) => JSON.stringify({ key: org, log_time: at, partition: lane, value }));
  writeFileSync(file, `${lines.join('\n')}\n`);
  for (const words of [
    ['produce', file],
    ['run', '--until-end'],
  ]) {
    const done = paceline(words);
    expect(done.status, done.stderr).toBe(0);
  }
  rmSync(file);
}

beforeAll(async () => {
  directory = await WorkedDirectory.make(seed, { serving: { enabled: true, port: 0 } });
  const [{ org_id, date }] = ((await directory.hot()).get('campaign_metrics_daily') ?? []).toSorted((a, b) =>
    a.date < b.date ? 1 : -1,
  );
  org = org_id;
  worldEnd = Date.parse(`${date}T00:00:00Z`) + 2 * 86_400_000;
  // Every record runs a thousand timers at most, and two days have passed: what comes later shall find none that are due.
  const campaigns = Array.from({ length: 30 }, () => ({ campaign_id: 'marker-campaign' }));
  send(0, ...campaigns, { campaign_id: 'marker-broken', event_time: 'marker-time' });
  await writeSilverLayer(directory.config, quiet);
  await writeGoldLayer(directory.config, quiet, silent);
  [before, beforeGold] = [await directory.hot(), await directory.gold()];
}, 600_000);
afterAll(() => directory?.[Symbol.dispose]());

test(`an organization is erased from every store, whatever moment the run is killed at, and others stay as they were (seed ${seed})`, async () => {
  const invited = paceline(['users', 'invite', 'ann@markers.example', org, 'admin']);
  expect(invited.status, invited.stderr).toBe(0);
  for (const marker of markers) expect(filesWith(marker).length, marker).toBeGreaterThan(0);

  const planned = JSON.parse(paceline(['erase', org, '--dry-run', '--json']).stdout) as WholeErasure;
  expect(planned.log).toMatchObject({ kind: 'directory', records: expect.any(Number) });
  expect(planned.accounts).toMatchObject({ invitations: 1 });
  expect(planned.lake.map(({ table }) => table)).toContain('bronze.events');

  // Killed at each of its steps: the next run carries on.
  const steps = [
    'working the log off',
    'writing the state anew',
    'erasing the log',
    'erasing accounts',
    'erasing ClickHouse',
  ];
  for (const step of steps) {
    const killed = paceline(['erase', org, '--confirm', '--json'], {
      PACELINE_DIE_AT: step,
      NODE_OPTIONS: `--import ${dieFile}`,
    });
    expect(killed.signal, `${step}: ${killed.stderr}`).toBe('SIGKILL');
  }
  const run = paceline(['erase', org, '--confirm', '--json']);
  expect(run.status, run.stderr).toBe(0);
  const report = JSON.parse(run.stdout) as WholeErasure;
  const receipt = JSON.parse(readFileSync(new URL(report.receipt ?? ''), 'utf8')) as WholeErasure;
  expect(receipt.lake).toEqual(report.lake);
  expect(receipt.closed).toEqual(report.closed);
  for (const file of receipt.lake.flatMap(({ files }) => files))
    expect(() => readFileSync(new URL(file))).toThrow('ENOENT');

  for (const marker of markers) expect(filesWith(marker), marker).toEqual([]);
  const [after, afterGold] = [await directory.hot(), await directory.gold()];
  for (const { name } of tables) {
    const others = (rows: ReadonlyMap<string, TextRow[]>) => rows.get(name)?.filter((row) => row.org_id !== org);
    expect(after.get(name), name).toEqual(others(before));
    expect(afterGold.get(name), name).toEqual(others(beforeGold));
  }
  const accounts = new DatabaseSync(join(directory.path, 'access.sqlite'), { readOnly: true });
  const redacted = accounts.prepare("SELECT count(*) AS rows FROM audit_logs WHERE row_key LIKE 'sha256:%'").get();
  expect(Number(redacted?.rows)).toBeGreaterThan(0);
  accounts.close();

  const again = paceline(['erase', org, '--confirm', '--json']);
  expect(again.status, again.stderr).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ lake: [], clickhouse: [], untrusted: 0, log: { records: 0 } });
}, 600_000);

test('records that come after are refused without a byte, also by bronze, until it is opened anew', async () => {
  // A good one, a broken one, and one of a producer that sends to the other lane.
  const other = 1 - partitionOfKey(Buffer.from(org), 0, org.length, 2);
  const after = { campaign_id: 'marker-after' };
  send(1, after, { ...after, event_time: 'marker-after' }, { ...after, lane: other });
  const letters = (await directory.hot()).get('dead_letters')?.filter((row) => row.org_id === org);
  const refused = { reason: 'organization_closed', raw: '' };
  expect(letters).toMatchObject([refused, refused, refused]);
  // The log alone has it, and the next erasure takes it from there.
  expect(filesWith('marker-after').every((path) => path.includes('/log/'))).toBe(true);

  const opened = paceline(['erase', org, '--reopen', '--confirm']);
  expect(opened.status, opened.stderr).toBe(0);
  send(2, { campaign_id: 'marker-after' });
  const daily = (await directory.hot()).get('campaign_metrics_daily')?.filter((row) => row.org_id === org);
  expect(daily).toMatchObject([{ campaign_id: 'marker-after', impressions: '1' }]);
}, 300_000);

test('others are played from bronze to the byte, over the places of what was erased', async () => {
  const report = await drillLake(directory.config, { seed, chosen: null, onDrawn: () => {}, onProgress: () => {} });
  expect(report).toMatchObject({ differences: 0 });
}, 600_000);

/** Ends the process at a step that the command tells of. */
const dieFile = join(import.meta.dirname, 'die-at-step.ts');
