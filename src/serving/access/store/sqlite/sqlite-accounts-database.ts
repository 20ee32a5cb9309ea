import { createHash } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { EngineError } from '../../../../model/errors.ts';
import { readMigrationFiles } from '../../../../model/migration-files.ts';
import type { WriteContext } from '../../../ports.ts';
import type { AccountsDatabase, RunSql, SqlValue } from '../accounts-database.ts';

/** What a change of each table is called in the audit log: the columns that make its key. */
const auditedTables = {
  users: ['id'],
  org_memberships: ['org_id', 'user_id'],
  permissions: ['org_id', 'user_id', 'action'],
  credentials: ['user_id'],
  identities: ['issuer', 'subject'],
  operators: ['user_id'],
  sessions: ['org_id', 'id'],
  operator_visits: ['org_id', 'session_id'],
  api_keys: ['org_id', 'id'],
  invitations: ['org_id', 'id'],
  configurations: ['org_id', 'name', 'version'],
  replays: ['org_id', 'topic', 'partition', 'log_offset'],
} as const;

const hiddenColumns = ['token_hash', 'key_hash', 'password_hash'];

/** How long a statement waits for another process that writes. */
const busyTimeoutMs = 5_000;

/**
 * Accounts in one file, readable by its owner alone. Statements of one process run one after another, so
 * nobody reads within another's transaction; several processes may have the file open.
 */
export class SqliteAccountsDatabase implements AccountsDatabase {
  readonly name: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #nowMs: () => number;
  readonly #takesAnyOrganization: boolean;
  #by: WriteContext | null = null;
  #last: Promise<unknown> = Promise.resolve();

  /** Creates the file when it is not there. Throws STATE_FORMAT for one that this version cannot continue. */
  constructor(path: string, nowMs: () => number, options: { takesAnyOrganization?: boolean } = {}) {
    this.name = path;
    this.#takesAnyOrganization = options.takesAnyOrganization ?? false;
    this.#nowMs = nowMs;
    this.#db = this.#guard(() => new DatabaseSync(path));
    try {
      this.#guard(() => {
        this.#db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON`);
        if (path !== ':memory:') chmodSync(path, 0o600);
        migrate(this.#db, path);
        this.#addAuditTriggers();
      });
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  ms(column: string): string {
    return column;
  }

  instant(parameter: string): string {
    return parameter;
  }

  micros(column: string): string {
    return `${column} * 1000`;
  }

  instantOfMicros(parameter: string): string {
    return `${parameter} / 1000`;
  }

  readonly read: RunSql = (text, values) => this.#inTurn(() => this.#run(text, values));

  /** There is no server to hold us to one organization: the statement alone does. */
  readOf(_orgId: string): RunSql {
    return this.read;
  }

  async write<T>(by: WriteContext, work: (run: RunSql) => Promise<T>): Promise<T> {
    return await this.#inTurn(async () => {
      this.#guard(() => this.#db.exec('BEGIN IMMEDIATE'));
      this.#by = by;
      try {
        const result = await work((text, values) => Promise.resolve(this.#run(text, values)));
        this.#guard(() => this.#db.exec('COMMIT'));
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      } finally {
        this.#by = null;
      }
    });
  }

  /** The log of an embedded engine brings organizations that no list names. */
  async admitOrganization(run: RunSql, orgId: string): Promise<void> {
    if (this.#takesAnyOrganization)
      await run('INSERT INTO paceline.organizations (id) VALUES ($1) ON CONFLICT DO NOTHING', [orgId]);
  }

  /** Makes organizations known; those that are known already stay. */
  async keepOrganizations(by: WriteContext, orgIds: readonly string[]): Promise<void> {
    await this.write(by, async (run) => {
      for (const id of orgIds)
        await run('INSERT INTO paceline.organizations (id) VALUES ($1) ON CONFLICT DO NOTHING', [id]);
    });
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      this.#statements.clear();
      if (this.#db.isOpen) this.#db.close();
    });
  }

  async #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    // Whoever waits next does not care how this one ended; its caller learns it.
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  #run<Row extends object>(text: string, values: readonly SqlValue[] = []): Row[] {
    return this.#guard(() => {
      const named: Record<string, SQLInputValue> = {};
      values.forEach((value, index) => {
        named[`$${index + 1}`] = value;
      });
      return this.#statement(text).all(named) as Row[];
    });
  }

  #statement(text: string): StatementSync {
    const held = this.#statements.get(text);
    if (held !== undefined) return held;
    const made = this.#db.prepare(text.replaceAll('paceline.', ''));
    // PostgreSQL does not mind a value that a statement has no use for.
    made.setAllowUnknownNamedParameters(true);
    this.#statements.set(text, made);
    return made;
  }

  #guard<T>(call: () => T): T {
    try {
      return call();
    } catch (cause) {
      if (cause instanceof EngineError) throw cause;
      const { errcode, message } = cause as { errcode?: number; message: string };
      if (errcode === undefined) throw cause;
      throw new EngineError('ACCESS_UNAVAILABLE', `accounts in ${this.name}: ${message}`, { cause });
    }
  }

  /** Triggers of this connection alone: whoever else writes the file, by hand, answers for it. */
  #addAuditTriggers(): void {
    this.#db.function('audit_actor', () => this.#by?.actor.slice(0, 200) ?? 'nobody');
    this.#db.function('audit_request', () => this.#by?.requestId ?? null);
    this.#db.function('audit_now', () => this.#nowMs());
    for (const [table, key] of Object.entries(auditedTables)) {
      const columns = this.#db
        .prepare('SELECT name FROM pragma_table_info(?)')
        .all(table)
        .map(({ name }) => String(name))
        .filter((name) => !hiddenColumns.includes(name));
      const rowOf = (row: string) => `json_object(${columns.map((name) => `'${name}', ${row}.${name}`).join(', ')})`;
      const verbs = { insert: [null, 'NEW'], update: ['OLD', 'NEW'], delete: ['OLD', null] } as const;
      for (const [verb, [before, after]] of Object.entries(verbs)) {
        const some = after ?? before;
        const org = columns.includes('org_id') ? `${some}.org_id` : "'_system'";
        this.#db.exec(`
          CREATE TEMP TRIGGER audit_${verb}_${table} AFTER ${verb} ON main.${table} BEGIN
            INSERT INTO audit_logs (org_id, at, actor, action, table_name, row_key, before, after, request_id)
            VALUES (${org}, audit_now(), audit_actor(), '${verb}', '${table}', ${key.map((name) => `${some}.${name}`).join(" || '/' || ")},
              ${before === null ? 'NULL' : rowOf(before)}, ${after === null ? 'NULL' : rowOf(after)}, audit_request());
          END`);
      }
    }
  }
}

const directory = join(import.meta.dirname, 'migrations');

function migrate(db: DatabaseSync, path: string): void {
  db.exec('BEGIN IMMEDIATE');
  const has = db.prepare("SELECT 1 AS one FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'").get();
  const ledger = has === undefined ? [] : db.prepare('SELECT number, name, checksum FROM migrations').all();
  const held = new Map(ledger.map((row) => [Number(row.number), row]));
  const files = readMigrationFiles(directory).map((file) => ({
    ...file,
    checksum: createHash('sha256').update(file.sql).digest('hex'),
  }));
  for (const [number, { name, checksum }] of held) {
    const ours = files.find((file) => file.number === number);
    if (ours?.checksum !== checksum)
      throw new EngineError(
        'STATE_FORMAT',
        `${path}: migration ${number} (${String(name)}) is not one of this version; use the version that applied it`,
      );
  }
  for (const { number, name, sql, checksum } of files) {
    if (held.has(number)) continue;
    db.exec(sql);
    db.prepare('INSERT INTO migrations VALUES (?, ?, ?)').run(number, name, checksum);
  }
  db.exec('COMMIT');
}
