import { internalErrorDetail } from '../events/record-failures.ts';
import type { RecordRun } from '../events/record-run.ts';
import { BrokenInvariant, EngineError } from '../model/errors.ts';

/**
 * What becomes of a lane whose program threw. Its memory is half of one thing and half of another, so
 * nothing of it is ever committed: the lane is opened anew from its last commit, and what it read since is
 * applied again, around the place of the failure record by record.
 *
 * - It does not happen again: something of this process was wrong, not the log.
 * - It happens at one record, and there again: that record is refused (dead letter `internal_error`), as one over which the
 *   checks stumble; all before it is exact, and nothing of it counts.
 * - It happens twice where the record is refused already, or the program says that its own memory is wrong: the
 *   lane alone halts.
 */
export class LaneCare {
  /** Records go one at a time from the first of these offsets up to the second, until that is committed. */
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  /** Offsets of records that failed alone; by chance, if it does not happen to the same one again. */
  readonly #suspected = new Set<number>();
  /** Offsets of records that are refused. */
  readonly #refused = new Set<number>();
  /** Those at which the program threw once more all the same; by chance, if it does not happen again. */
  readonly #failedRefused = new Set<number>();
  #commitFailures = 0;

  /** How many records may come together at an offset. */
  togetherMax(nextOffset: number): number {
    return nextOffset >= this.#to ? Number.POSITIVE_INFINITY : Math.max(1, this.#from - nextOffset);
  }

  /** The run, as the decoder shall see it. */
  seen(run: RecordRun): RecordRun {
    if (run.count !== 1 || !this.#refused.has(run.offsets[0])) return run;
    return { ...run, unreadable: { reason: 'internal_error', detail: internalErrorDetail, offsets: 1 } };
  }

  /** The program threw over a run. Returns why the lane halts, or null: then it is opened anew. */
  atRun(lane: string, run: RecordRun, error: unknown): EngineError | null {
    const [offset] = run.offsets;
    const isAlone = run.count === 1 && this.#from <= offset;
    const isRefused = run.unreadable !== null;
    if (isAlone && (error instanceof BrokenInvariant || (isRefused && this.#failedRefused.has(offset))))
      return broken(lane, offset, error);
    if (isAlone && isRefused) this.#failedRefused.add(offset);
    else if (isAlone && this.#suspected.has(offset)) this.#refused.add(offset);
    else if (isAlone) this.#suspected.add(offset);
    this.#from = Math.min(this.#from, offset);
    this.#to = Math.max(this.#to, run.nextOffset);
    return null;
  }

  /** The program threw when its changes were taken for a commit. */
  atCommit(lane: string, nextOffset: number, error: unknown): EngineError | null {
    this.#commitFailures += 1;
    return this.#commitFailures > 1 ? broken(lane, nextOffset, error) : null;
  }

  /** Something failed that is not behind us for good: a commit should not wait. */
  get isHurried(): boolean {
    return this.#to > Number.NEGATIVE_INFINITY;
  }

  /** All before the offset is committed. */
  committed(nextOffset: number): void {
    this.#commitFailures = 0;
    if (nextOffset < this.#to) return;
    this.#from = Number.POSITIVE_INFINITY;
    this.#to = Number.NEGATIVE_INFINITY;
    this.#suspected.clear();
    this.#refused.clear();
    this.#failedRefused.clear();
  }

  /** Whether the record of the run was refused for what it did to the program. */
  hasRefused(run: RecordRun): boolean {
    return run.unreadable?.reason === 'internal_error';
  }
}

function broken(lane: string, offset: number, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EngineError('LANE_BROKEN', `lane ${lane} cannot go on at offset ${offset}: ${reason}`, { cause });
}
