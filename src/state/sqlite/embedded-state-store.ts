import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { EngineError } from '../../model/errors.ts';
import { type StreamIdentity, storedIdentity } from '../../model/lane.ts';
import { judgeCheck, judgeCommit, type LaneOwner } from '../commit-rules.ts';
import type { CommitOutcome, LaneCommit, LaneSnapshot, LaneStanding, StateStore } from '../state-store.ts';
import { migrateState } from './migrate-state.ts';

/**
 * Of a new file. Blobs of a lane that catches up are megabytes, which SQLite writes, and frees again, page
 * by page; a small commit writes some six pages whatever their size.
 */
const pageBytes = 16_384;

type BlobKind = 'base' | 'delta' | 'outbox';

/** The state store of an embedded engine: one SQLite file, all lanes of a round in one transaction. */
export class EmbeddedStateStore implements StateStore {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  readonly #hasHistory: (lane: string) => Promise<boolean>;

  /**
   * Creates the file when it is not there. `hasHistory`: somebody remembers a commit of the lane, another
   * instance with a file of its own. Throws STATE_FORMAT, STATE_CORRUPT, STATE_UNAVAILABLE.
   */
  constructor(path: string, hasHistory: (lane: string) => Promise<boolean> = async () => false) {
    this.#path = path;
    this.#hasHistory = hasHistory;
    this.#db = this.#guard(() => new DatabaseSync(path));
    try {
      this.#guard(() => this.#prepareFile());
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  async readGeneration(topic: string): Promise<{ generation: number; identity: StreamIdentity } | null> {
    return this.#guard(() => {
      const row = this.#sql('SELECT generation, identity FROM streams WHERE topic = ?').get(topic);
      if (row === undefined) return null;
      return { generation: Number(row.generation), identity: JSON.parse(String(row.identity)) as StreamIdentity };
    });
  }

  async writeGeneration(topic: string, generation: number, identity: StreamIdentity): Promise<void> {
    const text = JSON.stringify(storedIdentity(identity));
    this.#transaction(() => {
      const held = this.#sql('SELECT generation FROM streams WHERE topic = ?').get(topic);
      this.#sql('INSERT OR REPLACE INTO streams VALUES (?, ?, ?)').run(topic, generation, text);
      if (held === undefined || generation <= Number(held.generation)) return;
      const stem = `${topic}:`;
      this.#sql('DELETE FROM lanes WHERE substr(lane, 1, ?) = ?').run(stem.length, stem);
      this.#sql('DELETE FROM leader_epochs WHERE substr(lane, 1, ?) = ?').run(stem.length, stem);
      this.#sql('DELETE FROM blobs WHERE substr(lane, 1, ?) = ?').run(stem.length, stem);
    });
  }

  /** Throws STATE_LOST for a lane that was worked elsewhere, rather than work it again from the log's start. */
  async claim(lane: string, token: string): Promise<LaneSnapshot> {
    const snapshot = this.#claim(lane, token);
    if (snapshot.meta !== null || !(await this.#hasHistory(lane))) return snapshot;
    throw new EngineError(
      'STATE_LOST',
      `lane ${lane} was worked by another instance, or with another data directory, and ${this.#path} knows nothing of it: a state in the data directory belongs to one instance. For several, set redis.url; or bring that directory back`,
    );
  }

  #claim(lane: string, token: string): LaneSnapshot {
    return this.#transaction(() => {
      this.#sql('INSERT INTO lanes VALUES (?, ?, 0, 0) ON CONFLICT (lane) DO UPDATE SET token = excluded.token').run(
        lane,
        token,
      );
      const row = this.#sql('SELECT seq, next_offset FROM lanes WHERE lane = ?').get(lane);
      const seq = Number(row?.seq);
      const nextOffset = Number(row?.next_offset);
      return {
        meta: seq === 0 ? null : { seq, nextOffset, ...this.#leaderEpoch(lane, nextOffset) },
        bases: new Map(this.#readBlobs(lane, 'base').map(({ seq: group, bytes }) => [group, bytes])),
        deltas: this.#readBlobs(lane, 'delta'),
        outbox: this.#readBlobs(lane, 'outbox'),
      };
    });
  }

  async commit(round: readonly LaneCommit[]): Promise<CommitOutcome[]> {
    return this.#transaction(() =>
      round.map((commit) => {
        const outcome = judgeCommit(this.#owner(commit.lane), commit);
        if (outcome === 'OK') this.#apply(commit);
        return outcome;
      }),
    );
  }

  async check(lane: string, token: string, seq: number): Promise<CommitOutcome> {
    return this.#guard(() => judgeCheck(this.#owner(lane), token, seq));
  }

  async trim(lane: string, token: string, acknowledged: readonly number[]): Promise<CommitOutcome> {
    return this.#transaction(() => {
      if (this.#owner(lane).token !== token) return 'FENCED';
      this.#dropOutput(lane, acknowledged);
      return 'OK';
    });
  }

  async standing(lane: string): Promise<LaneStanding | null> {
    return this.#guard(() => {
      const { seq, nextOffset } = this.#owner(lane);
      if (seq === 0) return null;
      const oldest = this.#sql("SELECT min(number) AS number FROM blobs WHERE lane = ? AND kind = 'outbox'").get(lane);
      return { seq, nextOffset, oldestOutput: (oldest?.number ?? null) as number | null };
    });
  }

  /** Writes the file anew, so that nothing of what was deleted is left in its free pages. */
  compact(): void {
    this.#statements.clear();
    this.#guard(() => this.#db.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)'));
  }

  async close(): Promise<void> {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #prepareFile(): void {
    this.#db.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`);
    this.#db.exec('PRAGMA busy_timeout = 2000');
    this.#transaction(() => migrateState(this.#db, this.#path));
  }

  #owner(lane: string): LaneOwner {
    const row = this.#sql('SELECT token, seq, next_offset FROM lanes WHERE lane = ?').get(lane);
    if (row === undefined) return { token: null, seq: 0, nextOffset: 0 };
    return { token: row.token as string | null, seq: Number(row.seq), nextOffset: Number(row.next_offset) };
  }

  #apply(commit: LaneCommit): void {
    const { lane, seq } = commit;
    this.#writeBlob(lane, 'delta', seq, commit.delta);
    for (const { group, bytes } of commit.bases) this.#writeBlob(lane, 'base', group, bytes);
    this.#sql("DELETE FROM blobs WHERE lane = ? AND kind = 'delta' AND number < ?").run(lane, commit.oldestDeltaSeq);
    this.#dropOutput(lane, commit.acknowledged);
    if (commit.outbox !== null) this.#writeBlob(lane, 'outbox', seq, commit.outbox);
    this.#sql('UPDATE lanes SET seq = ?, next_offset = ? WHERE lane = ?').run(seq, commit.nextOffset, lane);
    const { nextOffset, leaderEpoch } = commit;
    if (leaderEpoch === undefined) return;
    this.#sql('INSERT OR REPLACE INTO leader_epochs VALUES (?, ?, ?)').run(lane, nextOffset, leaderEpoch);
  }

  #leaderEpoch(lane: string, nextOffset: number): { leaderEpoch?: number } {
    const row = this.#sql('SELECT epoch FROM leader_epochs WHERE lane = ? AND next_offset = ?').get(lane, nextOffset);
    return row === undefined ? {} : { leaderEpoch: Number(row.epoch) };
  }

  #dropOutput(lane: string, acknowledged: readonly number[]): void {
    const drop = this.#sql("DELETE FROM blobs WHERE lane = ? AND kind = 'outbox' AND number = ?");
    for (const seq of acknowledged) drop.run(lane, seq);
  }

  #writeBlob(lane: string, kind: BlobKind, number: number, bytes: Uint8Array): void {
    this.#sql('INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?)').run(lane, kind, number, crc32(bytes), bytes);
  }

  #readBlobs(lane: string, kind: BlobKind): { seq: number; bytes: Uint8Array }[] {
    const rows = this.#sql('SELECT number, crc32, bytes FROM blobs WHERE lane = ? AND kind = ? ORDER BY number');
    return rows.all(lane, kind).map((row) => {
      const bytes = row.bytes as Uint8Array;
      if (crc32(bytes) !== row.crc32)
        throw new EngineError(
          'STATE_CORRUPT',
          `${this.#path}: the ${kind} ${String(row.number)} of lane ${lane} does not match its checksum`,
        );
      return { seq: Number(row.number), bytes };
    });
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  #transaction<T>(run: () => T): T {
    return this.#guard(() => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        const result = run();
        this.#db.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** SQLite's errors by what to do about them: a damaged file needs a person, everything else may pass. */
  #guard<T>(run: () => T): T {
    try {
      return run();
    } catch (cause) {
      const { errcode, message } = cause as { errcode?: number; message: string };
      if (errcode === undefined) throw cause;
      // SQLITE_CORRUPT = 11, SQLITE_NOTADB = 26; the upper bits refine them.
      const isDamaged = (errcode & 0xff) === 11 || (errcode & 0xff) === 26;
      throw new EngineError(isDamaged ? 'STATE_CORRUPT' : 'STATE_UNAVAILABLE', `${this.#path}: ${message}`, { cause });
    }
  }
}

/** The generation that a file holds of a stream, null for none; changes nothing, and migrates nothing. Throws STATE_UNAVAILABLE. */
export function peekGeneration(path: string, topic: string): number | null {
  if (!existsSync(path)) return null;
  try {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      const row = db.prepare('SELECT generation FROM streams WHERE topic = ?').get(topic);
      return row === undefined ? null : Number(row.generation);
    } finally {
      db.close();
    }
  } catch (cause) {
    const { errcode, message } = cause as { errcode?: number; message: string };
    if (errcode === undefined) throw cause;
    throw new EngineError('STATE_UNAVAILABLE', `${path}: ${message}`, { cause });
  }
}
