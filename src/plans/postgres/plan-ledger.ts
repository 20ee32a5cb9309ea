import type { PlanDraft } from '../../rules/plan.ts';
import {
  type AppliedPlan,
  draftHash,
  type PlanLog,
  type PlanRecord,
  partitionsOf,
  planRecord,
  unseenNumber,
} from '../apply-plans.ts';
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
  /** Null while it is pending, and where the log told of it. */
  readonly offset: number | null;
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
  /** Where each partition of the log begins, as this pass asked. */
  readonly #starts = new Map<number, Promise<number>>();
  readonly #isMending: boolean;

  private constructor(connection: Queryable, target: PlanTarget, isMending: boolean) {
    this.#connection = connection;
    this.#target = target;
    this.#isMending = isMending;
  }

  /**
   * Reads the newest plan of every organization and appends again what an earlier pass left pending.
   * `isMending` appends again what is in force and was forgotten by the log, too: lanes that begin anew
   * would not know of it.
   */
  static async open(
    connection: Queryable,
    target: PlanTarget,
    { isMending }: { isMending: boolean },
  ): Promise<PlanLedger> {
    const ledger = new PlanLedger(connection, target, isMending);
    const { rows } = await connection.query<
      Omit<LedgerEntry, 'number' | 'offset'> & { number: string; offset: string | null }
    >(
      `SELECT DISTINCT ON (org_id, partition)
         org_id AS "orgId", partition, number, hash, state, log_offset AS offset
       FROM paceline.plans WHERE stream = $1 ORDER BY org_id, partition, number DESC`,
      [target.stream],
    );
    for (const row of rows) {
      const offset = row.offset === null ? null : Number(row.offset);
      ledger.#hold({ ...row, number: Number(row.number), offset });
    }
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
    if (newest?.hash === draftHash(draft)) {
      const { number } = newest;
      const isInLog = !this.#isMending || (await this.#isInLog(newest));
      return {
        orgId,
        partition,
        number,
        offset: isInLog ? null : await this.#append(planRecord(draft, partition, number)),
      };
    }
    const number = newest?.number ?? (await unseenNumber(partition, this.#target.log));
    const record = planRecord(draft, partition, number + 1);
    const { stream, topic } = this.#target;
    await this.#connection.query(
      `INSERT INTO paceline.plans (org_id, stream, topic, partition, number, hash, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [orgId, stream, topic, partition, record.number, record.hash, record.body],
    );
    return { orgId, partition, number: record.number, offset: await this.#append(record) };
  }

  async #isInLog({ orgId, partition, offset }: LedgerEntry): Promise<boolean> {
    const { log } = this.#target;
    const asked = this.#starts.get(partition) ?? log.start(partition);
    this.#starts.set(partition, asked);
    const start = await asked;
    if (start === 0) return true;
    return offset === null ? (await log.newest(orgId, partition)) !== null : offset >= start;
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
    return this.#hold({ orgId, partition, ...found, state: 'found', offset: null });
  }

  async #append(record: PlanRecord): Promise<number> {
    const offset = await this.#target.log.append(record);
    const { orgId, partition, number, hash } = record;
    await this.#connection.query(
      `UPDATE paceline.plans
       SET state = 'appended', log_offset = $5, appended_at = clock_timestamp(), body = coalesce(body, $6)
       WHERE org_id = $1 AND stream = $2 AND partition = $3 AND number = $4`,
      [orgId, this.#target.stream, partition, number, offset, record.body],
    );
    this.#hold({ orgId, partition, number, hash, state: 'appended', offset });
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
