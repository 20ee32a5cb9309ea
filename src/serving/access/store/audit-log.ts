import { boundedCount, type SqlValue, type StoreContext } from './accounts-database.ts';
import { checkedOrg } from './people.ts';

/** Who changed what: the row before and after, without hashes of secrets. */
export interface AuditEntry {
  readonly id: string;
  readonly orgId: string;
  /** Microseconds since 1970. */
  readonly atMicros: number;
  readonly actor: string;
  readonly action: string;
  readonly table: string;
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
  /** Of the call that changed it; null for what no call did. */
  readonly requestId: string | null;
}

export interface AuditPage {
  readonly actor?: string;
  /** Rows of one table, and with `key` of one row. */
  readonly table?: string;
  readonly key?: string;
  /** Continues after this entry: the last one of the page before. */
  readonly before?: { readonly atMicros: number; readonly id: string };
  readonly count?: number;
}

/** Rows are only ever added, by triggers. */
export class AuditLog {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Newest first. */
  async list(orgId: string, page: AuditPage = {}): Promise<AuditEntry[]> {
    return await this.#list(this.#context.database.readOf(checkedOrg(orgId)), orgId, page);
  }

  /** What belongs to no organization: users, passwords, identities, operators. For operators alone. */
  async listSystem(page: AuditPage = {}): Promise<AuditEntry[]> {
    return await this.#list(this.#context.database.read, '_system', page);
  }

  async #list(
    run: StoreContext['database']['read'],
    orgId: string,
    { actor, table, key, before, count }: AuditPage,
  ): Promise<AuditEntry[]> {
    const { database } = this.#context;
    const values: SqlValue[] = [orgId];
    const where = ['org_id = $1'];
    const equal = (column: string, value: string | undefined) => {
      if (value !== undefined) where.push(`${column} = $${values.push(value)}`);
    };
    equal('actor', actor);
    equal('table_name', table);
    equal('row_key', key);
    if (before !== undefined) {
      const at = database.instantOfMicros(`$${values.push(before.atMicros)}`);
      where.push(`(at, id) < (${at}, $${values.push(Number(before.id))})`);
    }
    const rows = await run<AuditRow>(
      `SELECT id, org_id, ${database.micros('at')} AS at_micros, actor, action, table_name, row_key,
         ${boundedRow('before')} AS old_row, ${boundedRow('after')} AS new_row, request_id
       FROM paceline.audit_logs WHERE ${where.join(' AND ')} ORDER BY at DESC, id DESC LIMIT ${boundedCount(count)}`,
      values,
    );
    return rows.map((row) => ({
      id: String(row.id),
      orgId: row.org_id,
      atMicros: row.at_micros,
      actor: row.actor,
      action: row.action,
      table: row.table_name,
      key: row.row_key,
      before: readRow(row.old_row),
      after: readRow(row.new_row),
      requestId: row.request_id,
    }));
  }
}

/** Longer rows say so in their place: a page of them would be all that a process can hold. */
const rowBytesMax = 16_384;

function boundedRow(column: string): string {
  const text = `CAST(${column} AS text)`;
  return `CASE WHEN octet_length(${text}) > ${rowBytesMax} THEN '{"too_long":true}' ELSE ${text} END`;
}

function readRow(text: string | null): unknown {
  return text === null ? null : (JSON.parse(text) as unknown);
}

interface AuditRow {
  readonly id: number | string;
  readonly org_id: string;
  readonly at_micros: number;
  readonly actor: string;
  readonly action: string;
  readonly table_name: string;
  readonly row_key: string;
  readonly old_row: string | null;
  readonly new_row: string | null;
  readonly request_id: string | null;
}
