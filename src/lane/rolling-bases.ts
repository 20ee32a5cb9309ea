/**
 * Which key groups to rewrite with a commit (rolling base): a fixed share of the delta's bytes, round
 * robin over the groups that changed since their base. What no delta touched needs no rewrite.
 */
export class RollingBases {
  readonly #baseSeqs: number[];
  readonly #changedSeqs: number[];
  readonly #sizes: number[];
  /** What the last rewrite replaced. */
  #replaced: { group: number; baseSeq: number }[] = [];
  #next = 0;
  #credit = 0;
  /** Bases that are older than this commit are rewritten soon, whatever deltas pay for; 0 = there is no hurry. */
  #hurrySeq = 0;
  #hurryBytes = 0;

  constructor(groups: number) {
    this.#baseSeqs = new Array<number>(groups).fill(0);
    this.#changedSeqs = new Array<number>(groups).fill(0);
    this.#sizes = new Array<number>(groups).fill(sizeGuess);
  }

  /** After a restore: all deltas that are left may touch every group. */
  restore(oldestDeltaSeq: number, seq: number): void {
    this.#baseSeqs.fill(oldestDeltaSeq - 1);
    this.#changedSeqs.fill(seq);
  }

  markChanged(group: number, seq: number): void {
    this.#changedSeqs[group] = seq;
  }

  /** What the store had before the commit of `seq` is to leave it: so many bytes more go with each commit until then. */
  hurry(seq: number, bytes = hurryBytes): void {
    this.#hurrySeq = seq;
    this.#hurryBytes = bytes;
  }

  /** Rewrites what the delta's bytes pay for. */
  rewrite(
    seq: number,
    deltaBytes: number,
    write: (group: number) => Uint8Array,
  ): { group: number; bytes: Uint8Array }[] {
    const bases: { group: number; bytes: Uint8Array }[] = [];
    this.#replaced = [];
    this.#credit += deltaBytes * baseShare;
    if (this.#hurrySeq > 0) this.#credit = this.#creditOfHurry();
    for (let turn = 0; turn < this.#baseSeqs.length; turn++) {
      const group = this.#next;
      if (this.#changedSeqs[group] > this.#baseSeqs[group]) {
        if (this.#credit < this.#sizes[group]) break;
        const bytes = write(group);
        bases.push({ group, bytes });
        this.#credit -= bytes.length;
        this.#sizes[group] = bytes.length;
        this.#replaced.push({ group, baseSeq: this.#baseSeqs[group] });
        this.#baseSeqs[group] = seq;
      }
      this.#next = (group + 1) % this.#baseSeqs.length;
    }
    return bases;
  }

  #creditOfHurry(): number {
    const isOld = (baseSeq: number, group: number) => baseSeq < this.#hurrySeq && this.#changedSeqs[group] > baseSeq;
    if (this.#baseSeqs.some(isOld)) return this.#credit + this.#hurryBytes;
    this.#hurrySeq = 0;
    return Math.min(this.#credit, sizeGuess);
  }

  /** The bases of the last rewrite may not be stored: those before them count again. */
  distrustLast(): void {
    for (const { group, baseSeq } of this.#replaced) this.#baseSeqs[group] = baseSeq;
    this.#replaced = [];
  }

  /** Deltas before this one are covered by bases, whichever group they touched. */
  oldestDeltaSeq(seq: number): number {
    let oldest = seq + 1;
    for (const [group, changed] of this.#changedSeqs.entries()) {
      if (changed > this.#baseSeqs[group]) oldest = Math.min(oldest, this.#baseSeqs[group] + 1);
    }
    return oldest;
  }
}

/**
 * Bytes of bases for each byte of delta: half, so that a commit writes half as much again as it must,
 * and a restore reads at most about two states' worth of deltas.
 */
const baseShare = 0.5;

/** With each commit, while something is to leave the store: a state of 100 MB has gone through it in half a minute. */
const hurryBytes = 4 * 1024 * 1024;

/** Before a group was ever written. */
const sizeGuess = 1_024;
