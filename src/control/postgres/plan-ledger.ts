import {
  type AppliedPlan,
  draftHash,
  type PlanLog,
  type PlanRecord,
  partitionsOf,
  planRecord,
} from '../plans/apply-plans.ts';
import type { PlanDraft } from '../plans/make-draft.ts';
import type { Queryable } from './database.ts';

/** The log that plans go to. */
export interface PlanTarget {
  /** Identity of the log, never its name alone: a topic made anew under an old name is another stream. */
  readonly stream: string;
  readonly topic: string;
  readonly log: PlanLog;
}

interface LedgerEntry {
  readonly orgId: string;
  readonly partition: number;
  readonly number: number;
  readonly hash: string;
  readonly state: 'pending' | 'appended' | 'found';
}

/**
 * Appends drafts to a log by way of the ledger: a plan is first written down as pending, then
 * appended, then marked with its offset. A crash in between leaves a pending plan, and whoever comes
 * next appends the same number with the same bytes again; lanes ignore a number that they know. The
 * caller holds the lock of this stream on `connection`, so numbers are given by one process at a time.
 */
export class PlanLedger {
  readonly #connection: Queryable;
  readonly #target: PlanTarget;
  readonly #newest = new Map<string, LedgerEntry>();

  private constructor(connection: Queryable, target: PlanTarget) {
    this.#connection = connection;
    this.#target = target;
  }

  /** Reads the newest plan of every organization and appends again what an earlier pass left pending. */
  static async open(connection: Queryable, target: PlanTarget): Promise<PlanLedger> {
    const ledger = new PlanLedger(connection, target);
    const { rows } = await connection.query<Omit<LedgerEntry, 'number'> & { number: string }>(
      `SELECT DISTINCT ON (org_id, partition) org_id AS "orgId", partition, number, hash, state
       FROM paceline.plans WHERE stream = $1 ORDER BY org_id, partition, number DESC`,
      [target.stream],
    );
    for (const row of rows) ledger.#hold({ ...row, number: Number(row.number) });
    for (const entry of [...ledger.#newest.values()].filter(({ state }) => state === 'pending'))
      await ledger.#append(await ledger.#readPending(entry));
    return ledger;
  }

  /** Organizations that have a plan in this stream. */
  organizations(): ReadonlySet<string> {
    return new Set([...this.#newest.values()].map(({ orgId }) => orgId));
  }

  /** One result for each lane of the draft; a draft that says what is in force appends nothing. */
  async apply(draft: PlanDraft): Promise<AppliedPlan[]> {
    const applied: AppliedPlan[] = [];
    for (const partition of partitionsOf(draft.org_id, this.#target.log.partitions))
      applied.push(await this.#applyOne(draft, partition));
    return applied;
  }

  async #applyOne(draft: PlanDraft, partition: number): Promise<AppliedPlan> {
    const orgId = draft.org_id;
    const newest = this.#newest.get(keyOf(orgId, partition)) ?? (await this.#findInLog(orgId, partition));
    if (newest?.hash === draftHash(draft)) return { orgId, partition, number: newest.number, offset: null };
    const record = planRecord(draft, partition, (newest?.number ?? 0) + 1);
    const { stream, topic } = this.#target;
    await this.#connection.query(
      `INSERT INTO paceline.plans (org_id, stream, topic, partition, number, hash, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [orgId, stream, topic, partition, record.number, record.hash, record.body],
    );
    return { orgId, partition, number: record.number, offset: await this.#append(record) };
  }

  /** A ledger that is new to a log takes over what the log says, once. */
  async #findInLog(orgId: string, partition: number): Promise<LedgerEntry | undefined> {
    const found = await this.#target.log.newest(orgId, partition);
    if (found === null) return undefined;
    const { stream, topic } = this.#target;
    await this.#connection.query(
      `INSERT INTO paceline.plans (org_id, stream, topic, partition, number, hash, state) VALUES ($1, $2, $3, $4, $5, $6, 'found')`,
      [orgId, stream, topic, partition, found.number, found.hash],
    );
    return this.#hold({ orgId, partition, ...found, state: 'found' });
  }

  async #append(record: PlanRecord): Promise<number> {
    const offset = await this.#target.log.append(record);
    const { orgId, partition, number, hash } = record;
    await this.#connection.query(
      `UPDATE paceline.plans SET state = 'appended', log_offset = $5, appended_at = clock_timestamp()
       WHERE org_id = $1 AND stream = $2 AND partition = $3 AND number = $4`,
      [orgId, this.#target.stream, partition, number, offset],
    );
    this.#hold({ orgId, partition, number, hash, state: 'appended' });
    return offset;
  }

  async #readPending({ orgId, partition, number, hash }: LedgerEntry): Promise<PlanRecord> {
    const { rows } = await this.#connection.query<{ body: string }>(
      'SELECT body FROM paceline.plans WHERE org_id = $1 AND stream = $2 AND partition = $3 AND number = $4',
      [orgId, this.#target.stream, partition, number],
    );
    return { orgId, partition, number, hash, body: rows[0].body };
  }

  #hold(entry: LedgerEntry): LedgerEntry {
    this.#newest.set(keyOf(entry.orgId, entry.partition), entry);
    return entry;
  }
}

function keyOf(orgId: string, partition: number): string {
  return `${partition}/${orgId}`;
}
