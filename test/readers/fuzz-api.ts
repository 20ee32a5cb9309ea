import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alertEvents, campaignMetricsDaily, deadLetters, pacingSnapshots } from '../../src/rows/tables.ts';
import { nowMs, openShop, rowOf } from '../serving/shop.ts';

// Serves the API over some rows and lets schemathesis call it with whatever its document allows, and with what it
// does not: `fuzz-api.ts SCHEMATHESIS`. A 5xx, a status or a body that is not documented ends with 1.
const shop = await openShop();
const at = {
  as_of: nowMs - 60_000,
  evaluated_at: nowMs - 30_000,
  log_time: nowMs - 30_000,
  date: Math.floor(nowMs / 86_400_000),
};
const said = {
  org_id: 'acme',
  campaign_id: 'c',
  flight_id: 'f',
  alert_id: 'a',
  fingerprint: 'p',
  rule_id: 'r',
  version: 1n,
};
for (const table of [pacingSnapshots, campaignMetricsDaily, alertEvents, deadLetters]) {
  const known = {
    ...said,
    ...at,
    status: 'behind',
    to_state: 'firing',
    values: '{"p.osi_pct":1.5}',
    completeness: 'dsp=none',
    topic: 't',
    reason: 'unreadable',
  };
  const columns = new Set<string>(table.columns.map(({ name }) => name));
  await shop.write(table, [
    rowOf(table, Object.fromEntries(Object.entries(known).filter(([name]) => columns.has(name)))),
  ]);
}
const scratch = mkdtempSync(join(tmpdir(), 'paceline-fuzz-'));
const asked = ['--header', 'Authorization: Bearer operator', '--workers', '1', '--seed', process.argv[3] ?? '1'];

function fuzz(path: string, options: readonly string[], hooks = ''): Promise<number | null> {
  const args = ['run', `${shop.server.url}${path}`, ...asked, ...options];
  const child = spawn(process.argv[2], args, {
    stdio: 'inherit',
    cwd: scratch,
    env: { ...process.env, ...(hooks !== '' && { SCHEMATHESIS_HOOKS: hooks }) },
  });
  return new Promise((resolve) => child.on('exit', resolve));
}

// A cursor that no answer gave, a period that is too long and a missing If-Match are refused, though well formed.
const isRestRight = await fuzz('/api/v1/openapi.json', [
  ...['--phases', 'examples,coverage,fuzzing', '--max-examples', '20', '--exclude-checks', 'positive_data_acceptance'],
]);
// Requests drawn from the schema that the door itself tells: a failure of ours is the one thing that must not come.
const checks = fileURLToPath(new URL('graphql_checks.py', import.meta.url));
const isGraphqlRight = await fuzz(
  '/graphql',
  ['--phases', 'fuzzing', '--max-examples', '15', '--checks', 'coded_errors'],
  checks,
);
rmSync(scratch, { recursive: true, force: true });
await shop.close();
for (const trouble of shop.troubles) console.error(trouble);
process.exitCode = isRestRight === 0 && isGraphqlRight === 0 && shop.troubles.length === 0 ? 0 : 1;
