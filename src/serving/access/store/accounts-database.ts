import { EngineError } from '../../../model/errors.ts';
import type { WriteContext } from '../../ports.ts';

export type SqlValue = string | number | Uint8Array | null;

/** Runs one statement with `$1`-style parameters and returns its rows. */
export type RunSql = <Row extends object>(text: string, values?: readonly SqlValue[]) => Promise<Row[]>;

/**
 * The database of accounts: PostgreSQL, or SQLite beside the state. One set of statements runs on both, over
 * tables of the same names and columns; what the two spell differently is here. Every change writes its own
 * row of the audit log, in the same transaction and by triggers, so no statement can forget it.
 */
export interface AccountsDatabase {
  /** How messages name it. */
  readonly name: string;
  /** The expression that reads a column of instants as ms. */
  ms(column: string): string;
  /** The expression that writes a parameter of ms as an instant. */
  instant(parameter: string): string;
  /** The same in microseconds, which is as fine as the audit log is ordered. */
  micros(column: string): string;
  instantOfMicros(parameter: string): string;
  /** Reads as the service, which sees every organization. Throws ACCESS_UNAVAILABLE. */
  read: RunSql;
  /** Reads with the rights of the people of `orgId` alone: no row of another organization is visible. */
  readOf(orgId: string): RunSql;
  /** Runs `work` in one transaction: all of it or nothing. `by` is who the audit log names. */
  write<T>(by: WriteContext, work: (run: RunSql) => Promise<T>): Promise<T>;
  /** Makes an organization known where the database keeps no list of them; elsewhere, it does nothing. */
  admitOrganization(run: RunSql, orgId: string): Promise<void>;
  close(): Promise<void>;
}

/** Told the hashes of tokens that may no longer mean what they meant; awaited before a change is reported as done. */
export type OnTouched = (tokenHashes: readonly Uint8Array[]) => Promise<void>;

/** What every noun of the store works with. */
export interface StoreContext {
  readonly database: AccountsDatabase;
  readonly nowMs: () => number;
  readonly newId: () => string;
  readonly onTouched: OnTouched;
}

export interface TokenRow {
  readonly token_hash: Uint8Array;
}

export const hashesOf = (rows: readonly TokenRow[]): Uint8Array[] => rows.map(({ token_hash }) => token_hash);

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An id that we gave; anything else names nothing, and never reaches a statement. Throws NOT_FOUND. */
export function knownId(id: string, what: string): string {
  if (!uuidPattern.test(id)) throw notFound(what);
  return id;
}

/** In the same words whether it is somebody else's or nobody's. */
export function notFound(what: string): EngineError {
  return new EngineError('NOT_FOUND', `there is no such ${what}`);
}

/** One more than the longest page, which tells that there is another. */
const countMax = 501;
const countDefault = 200;

export function boundedCount(count: number | undefined): number {
  const wanted = count ?? countDefault;
  return Number.isInteger(wanted) && wanted >= 1 ? Math.min(wanted, countMax) : countDefault;
}

export const forgottenAtOnce = 500;

/** Deletes rows whose end is long over, so many at a time; each leaves its last word in the audit log. */
export async function forgetEnded(
  database: AccountsDatabase,
  by: WriteContext,
  beforeMs: number,
  { table, ends }: { readonly table: 'sessions' | 'invitations' | 'api_keys'; readonly ends: readonly string[] },
): Promise<number> {
  const isOver = ends.map((column) => `${column} < ${database.instant('$1')}`).join(' OR ');
  const gone = await database.write(by, (run) =>
    run(
      `DELETE FROM paceline.${table} WHERE id IN (
         SELECT id FROM paceline.${table} WHERE ${isOver} ORDER BY created_at, id LIMIT ${forgottenAtOnce}) RETURNING id`,
      [beforeMs],
    ),
  );
  return gone.length;
}
