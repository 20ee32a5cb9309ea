import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
// A cursor that no answer gave, a period that is too long and a missing If-Match are refused, though well formed.
const child = spawn(
  process.argv[2],
  [
    ...[
      'run',
      `${shop.server.url}/api/v1/openapi.json`,
      '--header',
      'Authorization: Bearer operator',
      '--workers',
      '1',
    ],
    ...['--phases', 'examples,coverage,fuzzing', '--max-examples', '20', '--seed', process.argv[3] ?? '1'],
    ...['--exclude-checks', 'positive_data_acceptance'],
  ],
  { stdio: 'inherit', cwd: scratch },
);
const status = await new Promise<number | null>((resolve) => child.on('exit', resolve));
rmSync(scratch, { recursive: true, force: true });
await shop.close();
for (const trouble of shop.troubles) console.error(trouble);
process.exitCode = status === 0 && shop.troubles.length === 0 ? 0 : 1;
