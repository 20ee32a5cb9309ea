import { hashWord } from '../model/hash-key.ts';

/**
 * Finds a campaign's slot by its dictionary ids: open addressing over one buffer, one walk to memory a
 * look-up where nested maps take four. Only grows, like the dictionaries behind it.
 */
export class CampaignIndex {
  /** Four words an entry: organization + 1 (0 = empty), campaign, slot, unused. */
  #entries = new Int32Array(1_024 * entryWords);
  /** Odd and secret: who opens campaigns must not choose where they lie. */
  readonly #orgFactor = hashWord(11) | 1;
  readonly #campaignFactor = hashWord(12) | 1;
  #mask = 1_023;
  #size = 0;

  /** The slot, or -1. */
  find(org: number, campaign: number): number {
    const entries = this.#entries;
    for (
      let at = hashOf(this.#orgFactor, this.#campaignFactor, org, campaign) & this.#mask;
      ;
      at = (at + 1) & this.#mask
    ) {
      const k = at * entryWords;
      if (entries[k] === org + 1 && entries[k + 1] === campaign) return entries[k + 2];
      if (entries[k] === 0) return -1;
    }
  }

  /** Adds ids that were not found. */
  add(org: number, campaign: number, slot: number): void {
    if (this.#size * 2 > this.#mask) this.#grow();
    this.#size += 1;
    this.#put(org, campaign, slot);
  }

  /** Every entry, in no order that means anything. */
  *entries(): Generator<{ readonly org: number; readonly campaign: number; readonly slot: number }> {
    const entries = this.#entries;
    for (let k = 0; k < entries.length; k += entryWords) {
      if (entries[k] !== 0) yield { org: entries[k] - 1, campaign: entries[k + 1], slot: entries[k + 2] };
    }
  }

  #put(org: number, campaign: number, slot: number): void {
    let at = hashOf(this.#orgFactor, this.#campaignFactor, org, campaign) & this.#mask;
    while (this.#entries[at * entryWords] !== 0) at = (at + 1) & this.#mask;
    this.#entries.set([org + 1, campaign, slot], at * entryWords);
  }

  #grow(): void {
    const old = this.#entries;
    this.#mask = this.#mask * 2 + 1;
    this.#entries = new Int32Array((this.#mask + 1) * entryWords);
    for (let k = 0; k < old.length; k += entryWords) if (old[k] !== 0) this.#put(old[k] - 1, old[k + 1], old[k + 2]);
  }
}

const entryWords = 4;

function hashOf(orgFactor: number, campaignFactor: number, org: number, campaign: number): number {
  const h = Math.imul(org, orgFactor) ^ Math.imul(campaign + 1, campaignFactor);
  return h ^ (h >>> 15);
}
