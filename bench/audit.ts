import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { askPostgres } from '../scripts/stack/postgres.ts';
import { postgresAccountsDatabase } from '../src/adapters/serving/postgres-accounts.ts';
import { migrateDatabase } from '../src/plans/postgres/migrate.ts';
import { openAccounts } from '../src/serving/access/store/accounts.ts';
import type { AuditPage } from '../src/serving/access/store/audit-log.ts';
import { startOwnStack } from '../test/chaos/own-stack.ts';
import { describeMachine } from './machine.ts';

const help = `npm run bench:audit -- --rows 10000000

How long the audit log of PostgreSQL takes as the API asks it, under row security: the newest 50 entries of an
organization, those of an actor, those of a row. A PostgreSQL of its own is filled with so many rows of 1,000
organizations whose sizes follow Zipf's law, and 20 of them, from the largest to the smallest, are asked.

  --rows N      rows of the audit log (10000000); a million takes about a third of a minute and 0.6 GB
  --rounds N    how often each is asked (5)
  --json        one line of JSON at the end
`;
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [rows, rounds] = [values.rows, values.rounds].map(Number);
if (values.help || !(rows > 0) || !(rounds > 0)) {
  (values.help ? process.stdout : process.stderr).write(help);
  process.exit(values.help ? 0 : 64);
}
const organizations = 1_000;
const asked = 20;
const pieceMax = 500_000;

const directory = mkdtempSync(join(tmpdir(), 'paceline-audit-'));
// PostgreSQL never runs as root: its user must get past this folder.
chmodSync(directory, 0o711);
const results: Record<string, unknown> = { machine: describeMachine(), load_before: loadavg()[0], rows };
const stack = await startOwnStack(join(directory, 'stack'), ['postgres'], () => undefined);
try {
  const url = new URL(stack.addresses.postgres.url);
  const ask = (sql: string) => askPostgres(Number(url.port), url.pathname.slice(1), sql);
  await migrateDatabase({ settings: { url: url.href, ca_file: null, poll_interval_ms: 600_000 } });
  const beganMs = performance.now();
  await fill(ask);
  results.fill_s = Math.round((performance.now() - beganMs) / 1_000);
  const [{ bytes }] = await ask(
    "SELECT sum(pg_total_relation_size(inhrelid))::float8 AS bytes FROM pg_inherits WHERE inhparent = 'paceline.audit_logs'::regclass",
  );
  results.bytes_a_row = Math.round(Number(bytes) / rows);
  url.username = 'bench';
  url.password = 'bench';
  const settings = { url: url.href, ca_file: null, poll_interval_ms: 600_000 };
  const database = postgresAccountsDatabase(settings);
  const { audit } = openAccounts({ database, nowMs: Date.now, newId: randomUUID, onTouched: async () => undefined });
  try {
    const pages: Readonly<Record<string, (rank: number) => AuditPage>> = {
      newest: () => ({ count: 50 }),
      'by actor': (rank) => ({ actor: `user:${rank}-7`, count: 50 }),
      'by object': (rank) => ({ table: 'rules', key: `rule-${rank}-3`, count: 50 }),
    };
    for (const [name, pageOf] of Object.entries(pages))
      results[name] = await measure(async (rank) => (await audit.list(`org-${rank}`, pageOf(rank))).length);
  } finally {
    await database.close();
  }
} finally {
  await stack.stop();
  rmSync(directory, { recursive: true, force: true });
}
if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
else for (const [key, value] of Object.entries(results)) process.stdout.write(`${key.padEnd(16)} ${value}\n`);

/** Past its triggers, which would write each row one by one. */
async function fill(ask: (sql: string) => Promise<unknown>): Promise<void> {
  await ask(`CREATE ROLE bench LOGIN PASSWORD 'bench'`);
  await ask('GRANT paceline_service TO bench');
  await ask(`INSERT INTO paceline.organizations (id) SELECT 'org-' || n FROM generate_series(1, ${organizations}) n`);
  for (let from = 0; from < rows; from += pieceMax)
    await ask(`INSERT INTO paceline.audit_logs (org_id, at, actor, action, table_name, row_key, before, after, request_id)
SELECT 'org-' || rank, date_trunc('month', now()) + random() * (now() - date_trunc('month', now())),
  'user:' || rank || '-' || floor(random() * 200)::int, 'update', 'rules', 'rule-' || rank || '-' || floor(random() * 50)::int,
  jsonb_build_object('definition', repeat('a', 60), 'version', n), jsonb_build_object('definition', repeat('b', 60), 'version', n + 1),
  'request-' || n
FROM (SELECT n, floor(power(${organizations}, random()))::int AS rank FROM generate_series(1, ${Math.min(pieceMax, rows - from)}) n) drawn`);
  await ask('ANALYZE paceline.audit_logs');
}

async function measure(list: (rank: number) => Promise<number>): Promise<string> {
  const took: number[] = [];
  let found = 0;
  for (let round = 0; round <= rounds; round += 1)
    for (let i = 0; i < asked; i += 1) {
      const rank = Math.max(1, Math.round(organizations ** (i / (asked - 1))));
      const atMs = performance.now();
      found += await list(rank);
      // The first round opens connections and fills caches.
      if (round > 0) took.push(performance.now() - atMs);
    }
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(share * took.length))].toFixed(1);
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, at most ${at(1)} ms, ${Math.round(found / (rounds + 1) / asked)} rows`;
}
