import { EngineError } from '../../model/errors.ts';
import { type CheckResult, failed, ok, warning } from '../../model/finding.ts';
import type { Clock } from '../../model/time.ts';
import type { PostgresSettings } from './config.ts';
import { Database, type Queryable } from './database.ts';
import { missingMigrations, readLedger, readMigrations } from './migrate.ts';
import { notifyQueueUsageMax } from './notify-queue.ts';

const versionMin = 14;
const clockToleranceMs = 2_000;
const tenantTables = [
  'api_key_uses',
  'api_keys',
  'audit_logs',
  'configurations',
  'credentials',
  'idempotent_calls',
  'identities',
  'invitations',
  'operator_visits',
  'operators',
  'org_memberships',
  'organizations',
  'permissions',
  'pipelines',
  'plans',
  'replays',
  'rules',
  'sessions',
  'users',
];

/** What `doctor` wants to know of the database of rules. Changes nothing, throws nothing that a person can mend. */
export async function inspectPostgres(settings: PostgresSettings, clock: Clock): Promise<CheckResult[]> {
  let database: Database;
  try {
    database = new Database(settings);
  } catch (error) {
    return [notReached(error)];
  }
  try {
    return await database.withConnection((connection) => inspect(connection, database.name, clock));
  } catch (error) {
    return [notReached(error)];
  } finally {
    await database.close();
  }
}

function notReached(error: unknown): CheckResult {
  if (!(error instanceof EngineError)) throw error;
  return failed('postgres.reachable', error.message, error.next);
}

async function inspect(connection: Queryable, name: string, clock: Clock): Promise<CheckResult[]> {
  const reached = [
    ok('postgres.reachable', name),
    await checkVersion(connection),
    await checkClock(connection, clock),
    await checkLogin(connection),
  ];
  const migrations = await checkMigrations(connection);
  if (migrations.status !== 'ok') return [...reached, migrations];
  return [
    ...reached,
    migrations,
    await checkRowSecurity(connection),
    await checkPrivileges(connection),
    await checkAuditPartitions(connection),
    await checkNotifyQueue(connection),
    await checkTenantLogins(connection),
  ];
}

async function one<Row extends object>(connection: Queryable, text: string, values: unknown[] = []): Promise<Row> {
  return (await connection.query<Row>(text, values)).rows[0];
}

async function checkVersion(connection: Queryable): Promise<CheckResult> {
  const { number } = await one<{ number: number }>(
    connection,
    "SELECT current_setting('server_version_num')::int AS number",
  );
  const text = `PostgreSQL ${Math.floor(number / 10_000)}.${number % 10_000}`;
  if (number >= versionMin * 10_000) return ok('postgres.version', text);
  return failed('postgres.version', `${text} is too old`, `Use PostgreSQL ${versionMin} or newer.`);
}

async function checkClock(connection: Queryable, clock: Clock): Promise<CheckResult> {
  const before = clock.wallMs();
  const { ms } = await one<{ ms: number }>(
    connection,
    'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms',
  );
  const after = clock.wallMs();
  // Between the two readings, whatever the way took, counts as agreement.
  const skew = ms < before ? before - ms : Math.max(0, ms - after);
  const text = `${Math.round(skew)} ms apart`;
  if (skew <= clockToleranceMs) return ok('postgres.clock', text);
  return warning('postgres.clock', text, 'Let both machines follow the same time server.');
}

async function checkLogin(connection: Queryable): Promise<CheckResult> {
  const login = await one<{ name: string; isSuper: boolean }>(
    connection,
    'SELECT rolname AS name, rolsuper OR rolbypassrls AS "isSuper" FROM pg_catalog.pg_roles WHERE rolname = current_user',
  );
  if (!login.isSuper) return ok('postgres.login', login.name);
  return warning(
    'postgres.login',
    `${login.name} passes row-level security`,
    'Let the engine use a login of its own that has paceline_service and nothing else.',
  );
}

async function checkMigrations(connection: Queryable): Promise<CheckResult> {
  try {
    const ledger = await readLedger(connection);
    const missing = missingMigrations(readMigrations(), ledger);
    if (missing.length === 0) return ok('postgres.migrations', `${ledger.size} applied, none missing`);
    const names = missing.map(({ number, name }) => `${number} ${name}`).join(', ');
    return failed('postgres.migrations', `missing: ${names}`, 'Run "paceline migrate".');
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return failed('postgres.migrations', error.message, 'Use the version of paceline that migrated this database.');
  }
}

async function checkRowSecurity(connection: Queryable): Promise<CheckResult> {
  const { forced } = await one<{ forced: string[] | null }>(
    connection,
    `SELECT array_agg(relname::text) AS forced FROM pg_catalog.pg_class
     WHERE relnamespace = 'paceline'::regnamespace AND relrowsecurity AND relforcerowsecurity`,
  );
  const open = tenantTables.filter((name) => !forced?.includes(name));
  if (open.length === 0) return ok('postgres.row_security', `forced on ${tenantTables.length} tables`);
  return failed(
    'postgres.row_security',
    `not forced on ${open.join(', ')}`,
    'ALTER TABLE paceline.NAME ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY for each of them.',
  );
}

/** What the engine does there: read rows, keep the ledger, make partitions of the audit log. */
async function checkPrivileges(connection: Queryable): Promise<CheckResult> {
  const { missing } = await one<{ missing: string[] | null }>(
    connection,
    `SELECT array_agg(what) AS missing FROM (
       SELECT privilege || ' on ' || name AS what FROM (VALUES
         ('organizations', 'SELECT'), ('pipelines', 'SELECT'), ('rules', 'SELECT'), ('edits', 'SELECT'),
         ('plans', 'SELECT'), ('plans', 'INSERT'), ('plans', 'UPDATE'),
         ('plan_positions', 'SELECT'), ('plan_positions', 'INSERT'), ('plan_positions', 'UPDATE'),
         ('writers', 'SELECT'), ('writers', 'INSERT'), ('writers', 'UPDATE')
       ) AS needed (name, privilege) WHERE NOT has_table_privilege('paceline.' || name, privilege)
       UNION ALL SELECT 'EXECUTE on make_audit_partitions'
       WHERE NOT has_function_privilege('paceline.make_audit_partitions(integer)', 'EXECUTE')
     ) AS gaps`,
  );
  if (missing === null) return ok('postgres.privileges', 'the engine may read rows and keep the ledger of plans');
  return failed(
    'postgres.privileges',
    `lacks ${missing.join(', ')}`,
    'GRANT paceline_service to the login of postgres.url.',
  );
}

async function checkAuditPartitions(connection: Queryable): Promise<CheckResult> {
  const { ahead } = await one<{ ahead: number }>(
    connection,
    `SELECT count(*)::int AS ahead FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class child ON child.oid = inhrelid
     WHERE inhparent = 'paceline.audit_logs'::regclass
       AND child.relname::text > 'audit_logs_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')`,
  );
  if (ahead > 0) return ok('postgres.audit_partitions', `${ahead} months ready beyond this one`);
  return warning(
    'postgres.audit_partitions',
    'no month is ready beyond this one',
    'Run "paceline migrate"; a running engine makes them once a day.',
  );
}

async function checkNotifyQueue(connection: Queryable): Promise<CheckResult> {
  const { usage } = await one<{ usage: number }>(connection, 'SELECT paceline.notify_queue_usage() AS usage');
  const text = `${(usage * 100).toFixed(1)} % of the queue of notifications is taken`;
  if (usage < notifyQueueUsageMax) return ok('postgres.notify_queue', text);
  return warning(
    'postgres.notify_queue',
    `${text}: edits are found by the poll alone`,
    "As a superuser: SELECT pid, usename, xact_start FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' ORDER BY xact_start; then SELECT pg_terminate_backend(PID) of the oldest that listens.",
  );
}

const tenantLoginsShown = 5;

/** What a tenant's login may hold at most: one that has no bound keeps connections or transactions for ever. */
async function checkTenantLogins(connection: Queryable): Promise<CheckResult> {
  const { rows } = await connection.query<{ name: string; lacks: string }>(
    `SELECT DISTINCT login.rolname AS name, concat_ws(' and ',
       CASE WHEN login.rolconnlimit < 0 THEN 'CONNECTION LIMIT' END,
       CASE WHEN NOT EXISTS (
         SELECT FROM pg_catalog.pg_db_role_setting AS setting, unnest(setting.setconfig) AS pair
         WHERE setting.setrole IN (login.oid, 0)
           AND setting.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
           AND pair ~ '^idle_in_transaction_session_timeout=' AND pair !~ '=0[a-z]*$'
       ) THEN 'idle_in_transaction_session_timeout' END) AS lacks
     FROM pg_catalog.pg_roles AS login JOIN pg_catalog.pg_auth_members AS held ON held.member = login.oid
     WHERE held.roleid = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = 'paceline_tenant')
       AND login.rolcanlogin AND NOT login.rolsuper
       AND has_database_privilege(login.oid, current_database(), 'CONNECT')
     ORDER BY login.rolname`,
  );
  const open = rows.filter(({ lacks }) => lacks !== '');
  if (open.length === 0) return ok('postgres.tenant_logins', `${rows.length} with paceline_tenant, all with bounds`);
  const named = open.slice(0, tenantLoginsShown).map(({ name, lacks }) => `${name} has no ${lacks}`);
  const more = open.length > named.length ? `, and ${open.length - named.length} more` : '';
  return warning(
    'postgres.tenant_logins',
    `${named.join(', ')}${more}`,
    "ALTER ROLE NAME CONNECTION LIMIT 10; ALTER ROLE NAME SET idle_in_transaction_session_timeout = '1min'.",
  );
}
