import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askPostgres } from '../../../scripts/stack/postgres.ts';
import { openAccess } from '../../../src/adapters/serving/open-access.ts';
import { type ServeAlone, serveAlone } from '../../../src/adapters/serving/serve-alone.ts';
import { loadConfig } from '../../../src/adapters/settings.ts';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { migrateDatabase } from '../../../src/plans/postgres/migrate.ts';
import { RowWriter } from '../../../src/rows/row-binary.ts';
import { tables } from '../../../src/rows/tables.ts';
import type { MemberRole } from '../../../src/serving/access/store/people.ts';
import { type Permission, permissionsOfRole } from '../../../src/serving/caller.ts';
import { startOwnStack } from '../../chaos/own-stack.ts';
import { openTestEngine } from '../../embedded-clickhouse/embedded.ts';
import { by } from '../../exams/accounts-exam.ts';
import { startRedisServer } from '../../state/redis-server.ts';
import { rowOf } from '../shop.ts';

export const organizations = ['acme', 'bolt', 'coyote', 'dune'] as const;
export type OrgId = (typeof organizations)[number];

/** In every text of every row of an organization, and in the names of its people. */
export const markOf = (org: string): string => `${org}-secret`;

/** Who calls, and what the truth is about that one. */
export interface SoakCaller {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: of none, and to be refused everywhere; `*`: of all. */
  readonly org: OrgId | '*' | null;
  readonly permissions: ReadonlySet<Permission>;
}

export type Part = 'redis' | 'postgres' | 'clickhouse';

export interface SoakStage extends AsyncDisposable {
  /** Two servers of one installation. */
  readonly servers: readonly string[];
  readonly callers: readonly SoakCaller[];
  readonly operator: SoakCaller;
  /** An admin of each organization, who writes; and somebody whose role changes. */
  readonly adminOf: ReadonlyMap<OrgId, SoakCaller>;
  readonly wanderer: { readonly id: string; readonly org: OrgId; readonly headers: Readonly<Record<string, string>> };
  /** Lines of the log that tell of our own trouble. */
  readonly troubles: string[];
  kill(part: Part): Promise<void>;
  start(part: Part): Promise<void>;
  pause(part: Part): Promise<void>;
  resume(part: Part): Promise<void>;
}

const operatorToken = 'the-token-of-the-operator';
const password = 'a password that is long enough';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Servers of their own on free ports, accounts, rows with the mark of their organization, and two `paceline serve`. */
export async function openSoakStage(tell: (line: string) => void): Promise<SoakStage> {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'paceline-soak-'));
  // PostgreSQL never runs as root: its user must get past this folder.
  chmodSync(directory, 0o711);
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const own = stack.adopt(await startOwnStack(join(directory, 'stack'), ['postgres'], tell), (each) => each.stop());
  const redis = stack.use(await startRedisServer());
  const engine = stack.adopt(await openTestEngine(join(directory, 'tables')), (each) => each.close());
  await writeRows(engine);
  const postgresUrl = await makeDatabase(own.addresses.postgres.url);
  const { config } = loadConfig(['/soak.yaml'], {
    shippedConfigDirectory: '/none',
    overrides: { data_directory: directory },
    world: {
      env: {
        TOKEN: operatorToken,
        POSTGRES: postgresUrl,
        CLICKHOUSE: engine.engine.writeToken,
        REDIS: `redis://127.0.0.1:${redis.port}`,
      },
      readFile: () => `http: { port: 0, token: "\${env:TOKEN}" }
clickhouse: { url: "${engine.engine.url}", password: "\${env:CLICKHOUSE}" }
postgres: { url: "\${env:POSTGRES}" }
redis: { cache_url: "\${env:REDIS}" }
serving:
  { port: 0, access_log: false, query_timeout_ms: 2000, waiting_max: 256, limits: { organization_burst: 1000000, organization_per_second: 1000000, actor_burst: 1000000, actor_per_second: 1000000, login_burst: 100000 } }`,
    },
  });
  const troubles: string[] = [];
  const log = makeLogger({
    ...{ level: 'error', clock: systemClock },
    destination: { write: (line: string) => void troubles.push(line.slice(0, 500)) },
  });
  const people = await makePeople(config, log);
  const servers: ServeAlone[] = [];
  for (let i = 0; i < 2; i += 1)
    servers.push(
      stack.adopt(await serveAlone(config, { version: 'soak', clock: systemClock, log }), (each) => each.close()),
    );
  const opened = stack.move();
  return {
    ...people,
    ...{ troubles, servers: servers.map(({ url }) => url) },
    async kill(part) {
      if (part === 'redis') await redis.kill();
      else if (part === 'postgres') await own.kill('postgres');
      else process.kill(engine.engine.pid, 'SIGKILL');
    },
    async start(part) {
      if (part === 'redis') await redis.start();
      // The embedded ClickHouse is started anew by whoever looks after it.
      else if (part === 'postgres') await own.start('postgres');
    },
    async pause(part) {
      if (part === 'postgres') own.pause('postgres');
      else if (part === 'clickhouse') process.kill(engine.engine.pid, 'SIGSTOP');
      else await redis.kill();
    },
    async resume(part) {
      if (part === 'postgres') own.resume('postgres');
      else if (part === 'clickhouse') process.kill(engine.engine.pid, 'SIGCONT');
      else await redis.start();
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function writeRows(engine: Awaited<ReturnType<typeof openTestEngine>>): Promise<void> {
  const sink = engine.sinkAt();
  await sink.migrate();
  const now = Date.now();
  for (const table of tables) {
    const writer = new RowWriter(table);
    for (const org of organizations) {
      const said: Record<string, unknown> = {
        ...{ org_id: org, to_state: 'firing', status: 'behind', values: '{}', completeness: '' },
        ...{ date: Math.floor(now / 86_400_000), version: 1n << 48n },
      };
      for (const { name, type } of table.columns) {
        if (type.includes('String')) said[name] ??= markOf(org);
        if (type === 'DateTime64(3)') said[name] ??= now - 60_000;
      }
      writer.write(rowOf(table, said));
    }
    const { rows, bytes } = writer.take();
    await sink.deliver([{ lane: table.name, seq: 1, streams: [{ stream: table.name, rows, bytes }] }]);
  }
  await sink.close();
}

/** A database with our tables and a login of the service. */
async function makeDatabase(url: string): Promise<string> {
  const made = new URL(url);
  const database = made.pathname.slice(1);
  await migrateDatabase({ settings: { url, ca_file: null, poll_interval_ms: 600_000 } });
  const ask = (sql: string) => askPostgres(Number(made.port), database, sql);
  await ask(`CREATE ROLE soak LOGIN PASSWORD 'soak'`);
  await ask('GRANT paceline_service TO soak');
  const values = organizations.map((org) => `('${org}')`).join(', ');
  await ask(`INSERT INTO paceline.organizations (id) VALUES ${values}`);
  made.username = 'soak';
  made.password = 'soak';
  return made.href;
}

/** People of every role and keys of every organization, and those whom nobody knows. */
async function makePeople(config: Parameters<typeof openAccess>[0], log: Parameters<typeof openAccess>[1]['log']) {
  const access = openAccess(config, { clock: systemClock, log, metrics: null });
  const visit = { address: '127.0.0.1', requestId: 'soak' };
  const enter = async (email: string, org: OrgId, role: MemberRole) => {
    const { id } = await access.accounts.people.add(by, { email, name: markOf(org) });
    await access.accounts.people.setPassword(by, id, await access.passwords.choose(password, email));
    await access.accounts.people.setRole(by, org, id, role);
    const { token } = await access.signIn.byPassword({ email, password }, visit);
    const headers = { cookie: `paceline_session=${token}`, 'sec-fetch-site': 'same-origin' };
    return { id, headers, token };
  };
  try {
    const callers: SoakCaller[] = [];
    const adminOf = new Map<OrgId, SoakCaller>();
    for (const org of organizations) {
      for (const role of ['viewer', 'editor', 'admin'] as const) {
        const { headers } = await enter(`${role}@${org}.example`, org, role);
        const caller = { name: `${role} of ${org}`, headers, org, permissions: new Set(permissionsOfRole[role]) };
        callers.push(caller);
        if (role === 'admin') adminOf.set(org, caller);
      }
      const scopes: Permission[] = ['pacing.read', 'rules.read'];
      const { key } = await access.issueKey(by, { orgId: org, name: markOf(org), scopes, expiresMs: null });
      callers.push({ name: `key of ${org}`, headers: bearer(key), org, permissions: new Set(scopes) });
      const { key: gone, made } = await access.issueKey(by, { orgId: org, name: 'gone', scopes, expiresMs: null });
      await access.accounts.keys.revoke(by, org, made.id);
      callers.push({ name: `ended key of ${org}`, headers: bearer(gone), org: null, permissions: new Set() });
    }
    const { id: leaverId, headers: left } = await enter('leaver@acme.example', 'acme', 'admin');
    await access.accounts.sessions.revokeAllOf(by, leaverId);
    const none = { org: null, permissions: new Set<Permission>() };
    callers.push({ name: 'an ended session', headers: left, ...none });
    callers.push({ name: 'nobody', headers: {}, ...none });
    callers.push({ name: 'a forged key', headers: bearer(`pk_${randomUUID().replaceAll('-', '')}`), ...none });
    const operator: SoakCaller = {
      ...{ name: 'the operator', headers: bearer(operatorToken), org: '*' },
      permissions: new Set(permissionsOfRole.operator),
    };
    callers.push(operator);
    const { id, headers } = await enter('wanderer@bolt.example', 'bolt', 'viewer');
    return { callers, operator, adminOf, wanderer: { id, org: 'bolt' as const, headers } };
  } finally {
    await access.close();
  }
}
