import { z } from 'zod';
import { assert } from '../../model/errors.ts';
import { planKeysOrg } from '../../model/ids.ts';
import { type KeyRing, readKeyRing } from '../../rules/plan-gate.ts';
import type { NewestPlan, PlanLog, PlanRecord } from '../apply-plans.ts';
import type { PlanSigning } from '../plan-signer.ts';
import type { Queryable } from './database.ts';

/** The log that plans go to. */
export interface PlanTarget {
  /** Identity of the log, never its name alone: a topic made anew under an old name is another stream. */
  readonly stream: string;
  readonly topic: string;
  readonly log: PlanLog;
}

/** A row of `paceline.plans`; 64-bit numbers come as text. */
const ledgerRow = z.object({
  orgId: z.string(),
  partition: z.int(),
  number: z.coerce.number(),
  hash: z.string(),
  keyId: z.string().nullable(),
  state: z.enum(['pending', 'appended', 'found']),
  /** Null while it is pending, and where the log told of it. */
  offset: z.coerce.number().nullable(),
  /** Read for key rings, and for what is pending. */
  body: z.string().nullable(),
});
type LedgerEntry = Readonly<z.infer<typeof ledgerRow>>;

/**
 * A log of plans that is written by way of the ledger: a plan is first written down as pending, then
 * appended, then marked with its offset. A crash in between leaves a pending plan, and whoever comes
 * next appends the same number with the same bytes again; lanes ignore a number that they know. What is
 * in force the ledger says, so that the log need not be read. The caller holds the lock of this stream
 * on `connection`, so numbers are given by one process at a time.
 */
export class PlanLedger implements PlanLog {
  readonly partitions: number;
  readonly signing: PlanSigning;
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
    this.partitions = target.log.partitions;
    this.signing = target.log.signing;
  }

  /**
   * Reads the newest plan of every organization and appends again what an earlier pass left pending.
   * `isMending` finds out what the log forgot, too, so that it is said again.
   */
  static async open(
    connection: Queryable,
    target: PlanTarget,
    { isMending }: { isMending: boolean },
  ): Promise<PlanLedger> {
    const ledger = new PlanLedger(connection, target, isMending);
    const { rows } = await connection.query(
      `SELECT DISTINCT ON (org_id, partition)
         org_id AS "orgId", partition, number, hash, key_id AS "keyId", state, log_offset AS offset,
         CASE WHEN org_id = $2 OR state = 'pending' THEN body END AS body
       FROM paceline.plans WHERE stream = $1 ORDER BY org_id, partition, number DESC`,
      [target.stream, planKeysOrg],
    );
    for (const row of rows) ledger.#hold(ledgerRow.parse(row));
    for (const entry of [...ledger.#newest.values()].filter(({ state }) => state === 'pending'))
      await ledger.#appendPending(entry);
    return ledger;
  }

  /** Organizations that have a plan in this stream. */
  organizations(): ReadonlySet<string> {
    const all = [...this.#newest.values()].map(({ orgId }) => orgId);
    return new Set(all.filter((orgId) => orgId !== planKeysOrg));
  }

  /** The newest plan of an organization of one lane; null where the ledger knows of none. */
  held(orgId: string): Pick<NewestPlan, 'hash'> | null {
    return [...this.#newest.values()].find((entry) => entry.orgId === orgId) ?? null;
  }

  start(partition: number): Promise<number> {
    const asked = this.#starts.get(partition) ?? this.#target.log.start(partition);
    this.#starts.set(partition, asked);
    return asked;
  }

  async newest(orgId: string, partition: number): Promise<NewestPlan | null> {
    const entry = this.#newest.get(keyOf(orgId, partition)) ?? (await this.#findInLog(orgId, partition));
    if (entry === null) return null;
    const isForgotten = this.#isMending && !(await this.#isInLog(entry));
    const { number, hash, keyId, offset } = entry;
    return { number, hash, keyId, offset, isForgotten };
  }

  async keyRing(partition: number): Promise<KeyRing | null> {
    await this.newest(planKeysOrg, partition);
    const body = this.#newest.get(keyOf(planKeysOrg, partition))?.body ?? null;
    return body === null ? null : readKeyRing(body);
  }

  async append(record: PlanRecord): Promise<number> {
    const { orgId, partition, number, hash, body, keyId } = record;
    const { stream, topic } = this.#target;
    const isNew = this.#newest.get(keyOf(orgId, partition))?.number !== number;
    // A number that another process has just given is refused by the key of the table: then its plan holds.
    const statement = isNew
      ? 'INSERT INTO paceline.plans (org_id, stream, partition, number, topic, hash, body, key_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)'
      : `UPDATE paceline.plans SET topic = $5, hash = $6, body = $7, key_id = $8, state = 'pending', log_offset = NULL
         WHERE org_id = $1 AND stream = $2 AND partition = $3 AND number = $4`;
    await this.#connection.query(statement, [orgId, stream, partition, number, topic, hash, body, keyId]);
    const offset = await this.#target.log.append(record);
    await this.#connection.query(
      `UPDATE paceline.plans SET state = 'appended', log_offset = $5, appended_at = clock_timestamp()
       WHERE org_id = $1 AND stream = $2 AND partition = $3 AND number = $4`,
      [orgId, stream, partition, number, offset],
    );
    this.#hold({ orgId, partition, number, hash, keyId, state: 'appended', offset, body });
    return offset;
  }

  async #isInLog({ orgId, partition, offset }: LedgerEntry): Promise<boolean> {
    const start = await this.start(partition);
    if (start === 0) return true;
    return offset === null ? (await this.#target.log.newest(orgId, partition)) !== null : offset >= start;
  }

  /** A ledger that is new to a log takes over what the log says, once. */
  async #findInLog(orgId: string, partition: number): Promise<LedgerEntry | null> {
    const { stream, topic, log } = this.#target;
    const found = await log.newest(orgId, partition);
    if (found === null) return null;
    const body = orgId === planKeysOrg ? JSON.stringify(await log.keyRing(partition)) : null;
    const { number, hash, keyId } = found;
    await this.#connection.query(
      `INSERT INTO paceline.plans (org_id, stream, topic, partition, number, hash, key_id, body, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'found')`,
      [orgId, stream, topic, partition, number, hash, keyId, body],
    );
    return this.#hold({ orgId, partition, number, hash, keyId, state: 'found', offset: null, body });
  }

  /** The same number with the same bytes; signed anew, since the key may be another by now. */
  async #appendPending({ orgId, partition, number, hash, body }: LedgerEntry): Promise<void> {
    assert(body !== null, 'a pending plan has its body');
    const { root, signer } = this.signing;
    const isSigned = root !== null && signer !== null;
    const signature = isSigned ? signer.sign({ orgId, partition, number, body }) : '';
    await this.append({ orgId, partition, number, hash, body, signature, keyId: isSigned ? signer.keyId : null });
  }

  #hold(entry: LedgerEntry): LedgerEntry {
    this.#newest.set(keyOf(entry.orgId, entry.partition), entry);
    return entry;
  }
}

function keyOf(orgId: string, partition: number): string {
  return `${partition}/${orgId}`;
}
