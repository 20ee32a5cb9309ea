import { systemOrg } from '../../../model/ids.ts';
import type { WriteContext } from '../../ports.ts';
import { boundedCount, forgottenAtOnce, type RunSql, type SqlValue, type StoreContext } from './accounts-database.ts';
import { checkedOrg } from './people.ts';

/** Where a dead letter lies. */
interface LetterPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** A dead letter that was taken to be sent again: it can be taken once. */
export interface Replay extends LetterPlace {
  readonly orgId: string;
  /** Of the call that took it; several letters have one. */
  readonly replayId: string;
  readonly createdBy: string;
  readonly createdMs: number;
  /** Of the value that goes into the log, lower-case hex. */
  readonly sha256: string;
  /** The value is one that somebody gave, not the bytes that came. */
  readonly isMended: boolean;
  /** The id that it got in place of its own; null = it kept its own. */
  readonly newEventId: string | null;
  readonly toPartition: number;
  /** What the partition's next offset was when the letter was taken: the new record lies there or behind. */
  readonly fromOffset: number;
  /** Where the new record lies; null = it is under way, or nobody came to write it down. */
  readonly toOffset: number | null;
  readonly sentMs: number | null;
}

export type Claim = Omit<Replay, 'orgId' | 'replayId' | 'createdBy' | 'createdMs' | 'toOffset' | 'sentMs'>;

export interface ReplayPage {
  readonly replayId?: string;
  readonly letter?: LetterPlace;
  /** Continues after this entry. */
  readonly before?: { readonly createdMs: number } & LetterPlace;
  readonly count?: number;
}

/** Which dead letters were sent again, by whom, and where they lie now. Its rows and the log together say it exactly once. */
export class Replays {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Those of the letters that somebody took. */
  async of(orgId: string, letters: readonly LetterPlace[]): Promise<Replay[]> {
    if (letters.length === 0) return [];
    const values: SqlValue[] = [ownerOf(orgId)];
    const places = letters.map(
      ({ topic, partition, offset }) =>
        `($${values.push(topic)}, CAST($${values.push(partition)} AS integer), CAST($${values.push(offset)} AS bigint))`,
    );
    const rows = await this.#readOf(orgId)<ReplayRow>(
      `${this.#select} WHERE org_id = $1 AND (topic, partition, log_offset) IN (VALUES ${places.join(', ')})`,
      values,
    );
    return rows.map(toReplay);
  }

  /**
   * Takes letters that nobody took, or that somebody took before `staleBeforeMs` and never wrote down. Answers those
   * that are the caller's now; each other one is somebody else's.
   */
  async take(
    by: WriteContext,
    { orgId, replayId, staleBeforeMs }: { orgId: string; replayId: string; staleBeforeMs: number },
    claims: readonly Claim[],
  ): Promise<Replay[]> {
    const { database, nowMs } = this.#context;
    const now = nowMs();
    return await database.write(by, async (run) => {
      const taken: Replay[] = [];
      for (const claim of claims) {
        const { topic, partition, offset, sha256, isMended, newEventId, toPartition, fromOffset } = claim;
        const made = await run(
          `INSERT INTO paceline.replays (org_id, topic, partition, log_offset, replay_id, created_by, created_at,
             sha256, is_mended, new_event_id, to_partition, from_offset)
           VALUES ($1, $2, $3, $4, $5, $6, ${database.instant('$7')}, $8, $9, $10, $11, $12)
           ON CONFLICT (org_id, topic, partition, log_offset) DO UPDATE SET replay_id = excluded.replay_id,
             created_by = excluded.created_by, created_at = excluded.created_at, sha256 = excluded.sha256,
             is_mended = excluded.is_mended, new_event_id = excluded.new_event_id,
             to_partition = excluded.to_partition, from_offset = excluded.from_offset
             WHERE replays.sent_at IS NULL AND replays.created_at < ${database.instant('$13')}
           RETURNING replay_id`,
          [
            ...[ownerOf(orgId), topic, partition, offset, replayId, by.actor.slice(0, 200), now],
            ...[sha256, isMended ? 1 : 0, newEventId, toPartition, fromOffset, staleBeforeMs],
          ],
        );
        if (made.length === 0) continue;
        const mine = { orgId, replayId, createdBy: by.actor, createdMs: now, toOffset: null, sentMs: null };
        taken.push({ ...claim, ...mine });
      }
      return taken;
    });
  }

  /** Writes down where the new records lie. */
  async settle(by: WriteContext, orgId: string, sent: readonly (LetterPlace & { toOffset: number })[]): Promise<void> {
    const { database, nowMs } = this.#context;
    await database.write(by, async (run) => {
      for (const { topic, partition, offset, toOffset } of sent)
        await run(
          `UPDATE paceline.replays SET to_offset = $5, sent_at = ${database.instant('$6')}
           WHERE org_id = $1 AND topic = $2 AND partition = $3 AND log_offset = $4 AND sent_at IS NULL`,
          [ownerOf(orgId), topic, partition, offset, toOffset, nowMs()],
        );
    });
  }

  /** Newest first. */
  async list(orgId: string, { replayId, letter, before, count }: ReplayPage = {}): Promise<Replay[]> {
    const { database } = this.#context;
    const values: SqlValue[] = [ownerOf(orgId)];
    const where = ['org_id = $1'];
    const place = (value: SqlValue) => `$${values.push(value)}`;
    if (replayId !== undefined) where.push(`replay_id = ${place(replayId)}`);
    if (letter !== undefined)
      where.push(
        `topic = ${place(letter.topic)} AND partition = ${place(letter.partition)} AND log_offset = ${place(letter.offset)}`,
      );
    if (before !== undefined)
      where.push(
        `(created_at, topic, partition, log_offset) < (${database.instant(place(before.createdMs))}, ${place(before.topic)}, ${place(before.partition)}, ${place(before.offset)})`,
      );
    const rows = await this.#readOf(orgId)<ReplayRow>(
      `${this.#select} WHERE ${where.join(' AND ')}
       ORDER BY created_at DESC, topic DESC, partition DESC, log_offset DESC LIMIT ${boundedCount(count)}`,
      values,
    );
    return rows.map(toReplay);
  }

  /**
   * Forgets letters that were sent again before `beforeMs`, the oldest first; says how many they were. From then on such a
   * letter could be sent once more: by then it should have left the tables.
   */
  async forget(by: WriteContext, beforeMs: number): Promise<number> {
    const { database } = this.#context;
    const place = 'org_id, topic, partition, log_offset';
    const gone = await database.write(by, (run) =>
      run(
        `DELETE FROM paceline.replays WHERE (${place}) IN (
           SELECT ${place} FROM paceline.replays WHERE sent_at < ${database.instant('$1')}
           ORDER BY created_at, ${place} LIMIT ${forgottenAtOnce}) RETURNING log_offset`,
        [beforeMs],
      ),
    );
    return gone.length;
  }

  /** Letters of nobody belong to operators, who see every organization. */
  #readOf(orgId: string): RunSql {
    const { database } = this.#context;
    return orgId === systemOrg ? database.read : database.readOf(orgId);
  }

  get #select(): string {
    const { ms } = this.#context.database;
    return `SELECT org_id, topic, partition, log_offset, replay_id, created_by, ${ms('created_at')} AS created_ms, sha256,
      is_mended, new_event_id, to_partition, from_offset, to_offset, ${ms('sent_at')} AS sent_ms FROM paceline.replays`;
  }
}

function ownerOf(orgId: string): string {
  return orgId === systemOrg ? orgId : checkedOrg(orgId);
}

interface ReplayRow {
  readonly org_id: string;
  readonly topic: string;
  readonly partition: number;
  readonly log_offset: number | string;
  readonly replay_id: string;
  readonly created_by: string;
  readonly created_ms: number;
  readonly sha256: string;
  readonly is_mended: number;
  readonly new_event_id: string | null;
  readonly to_partition: number;
  readonly from_offset: number | string;
  readonly to_offset: number | string | null;
  readonly sent_ms: number | null;
}

function toReplay(row: ReplayRow): Replay {
  return {
    ...{ orgId: row.org_id, topic: row.topic, partition: row.partition, offset: Number(row.log_offset) },
    ...{ replayId: row.replay_id, createdBy: row.created_by, createdMs: row.created_ms, sha256: row.sha256 },
    ...{ isMended: row.is_mended === 1, newEventId: row.new_event_id, toPartition: row.to_partition },
    ...{ fromOffset: Number(row.from_offset), sentMs: row.sent_ms },
    toOffset: row.to_offset === null ? null : Number(row.to_offset),
  };
}
