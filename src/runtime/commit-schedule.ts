import type { LaneSession } from './lane-session.ts';

interface CommitScheduleSettings {
  readonly commitIntervalMs: number;
  /** Interval of a lane that is behind: nobody waits for rows that are old, and each commit carries more. */
  readonly catchUpIntervalMs: number;
  readonly alertCommitSpacingMs: number;
  readonly commitBytesMax: number;
  readonly idleCheckMs: number;
  /**
   * One commit takes what all lanes hold, as the snapshot of a table does: `commitBytesMax` is then the bound
   * of all together, and nothing is read while it is written.
   */
  readonly commitsTogether: boolean;
}

/** When a lane is due, and who shares its round. */
export class CommitSchedule {
  readonly #settings: CommitScheduleSettings;

  constructor(settings: CommitScheduleSettings) {
    this.#settings = settings;
  }

  /** When a lane with changes commits, steady ms. At the end of a run commits need not wait for company. */
  commitAtMs(session: LaneSession, isEnding: boolean): number {
    const { commitIntervalMs, alertCommitSpacingMs, commitBytesMax } = this.#settings;
    const { program, lastCommitMs } = session;
    if (isEnding || program.dirtyBytes >= commitBytesMax) return Number.NEGATIVE_INFINITY;
    if (session.isBehind) return lastCommitMs + this.#catchUpMs;
    return (
      lastCommitMs + (program.isAlertPending ? Math.min(alertCommitSpacingMs, commitIntervalMs) : commitIntervalMs)
    );
  }

  /**
   * The lanes of the round that starts now: none, unless one is due; then also those that would be soon,
   * which for a lane that is behind is half of its interval. So lanes that opened at different moments, or
   * were filled at different speeds, end up in step, and a sink gets one delivery of many lanes.
   */
  roundOf(dirty: readonly { session: LaneSession; atMs: number }[], nowMs: number): LaneSession[] {
    if (this.#settings.commitsTogether) {
      const bytes = dirty.reduce((sum, { session }) => sum + session.program.dirtyBytes, 0);
      const isDue = bytes >= this.#settings.commitBytesMax || dirty.some(({ atMs }) => atMs <= nowMs);
      return isDue ? dirty.map(({ session }) => session) : [];
    }
    if (!dirty.some(({ atMs }) => atMs <= nowMs)) return [];
    const soonMs = this.#settings.commitIntervalMs / 4;
    const isSoon = ({ session, atMs }: { session: LaneSession; atMs: number }): boolean =>
      atMs <= nowMs + (session.isBehind ? this.#catchUpMs / 2 : soonMs);
    return dirty.filter(isSoon).map(({ session }) => session);
  }

  get #catchUpMs(): number {
    return Math.max(this.#settings.catchUpIntervalMs, this.#settings.commitIntervalMs);
  }

  /** When an idle lane trims its outbox, or asks whether it is still ours, steady ms. */
  upkeepAtMs(session: LaneSession, isFlushed: boolean): number {
    if (isFlushed && session.acknowledged.size > 0) return session.lastCheckMs + lastTrimDelayMs;
    return session.lastCheckMs + this.#settings.idleCheckMs;
  }
}

/** At the end of a run the last trim comes soon, but a store in trouble is not hammered. */
const lastTrimDelayMs = 10;
