import type { Segment } from '../../../src/operators/segment.ts';

/** A campaign over whose records the program always throws, wherever it meets them. */
export const brokenCampaign = 'broken';
const brokenText = Buffer.from(`"campaign_id":"${brokenCampaign}"`);

/** What the program of a lane cannot take: nothing of it may count, and its dead letter says so. */
export function isBeyondProgram(value: Uint8Array | null): boolean {
  return value !== null && Buffer.from(value.buffer, value.byteOffset, value.length).includes(brokenText);
}

/**
 * Bugs of ours behind the checks, of two kinds. By chance: the program throws once, somewhere, and the log is
 * not to blame; over one record alone no such bug comes twice, since an engine may take that for the record's
 * fault. By a record: the program throws whenever that one is applied, in every process.
 */
export class ProgramBugs {
  readonly #due = new Set<number>();
  readonly #metAlone = new Set<string>();

  /** The program of this partition throws soon. */
  strike(partition: number): void {
    this.#due.add(partition);
  }

  throwOver({ batch, counted, from, to }: Segment): void {
    for (let row = from; row < to; row++) {
      const name = counted[row] === 1 ? batch.campaigns[row] : -1;
      if (name >= 0 && batch.dictionaries.campaigns.text(name) === brokenCampaign)
        throw new RangeError('a bug that one record brings about');
    }
    const { partition } = batch;
    if (!this.#due.has(partition)) return;
    const alone = `${partition}:${batch.offsets[0]}`;
    if (batch.count === 1 && this.#metAlone.has(alone)) return;
    if (batch.count === 1) this.#metAlone.add(alone);
    this.#due.delete(partition);
    throw new TypeError('a bug behind the checks');
  }
}
