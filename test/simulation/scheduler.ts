import { nextTick } from 'node:process';
import type { Random } from './random.ts';

interface Entry {
  readonly at: number;
  /** Seeded: entries of one instant run in an order that the seed decides. */
  readonly tie: number;
  readonly run: () => void;
}

/**
 * Virtual time. One event at a time: every promise that it settles has run its course before the next
 * event; with all waiting done here, a seed decides the whole run.
 */
export class Scheduler {
  nowMs = 1_000_000;
  eventsRun = 0;
  #held = 0;
  readonly #random: Random;
  readonly #heap: Entry[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  after(ms: number, run: () => void): void {
    const entry = { at: this.nowMs + Math.max(0, ms), tie: this.#random.next(), run };
    this.#heap.push(entry);
    let i = this.#heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(entry, this.#heap[parent])) break;
      this.#heap[i] = this.#heap[parent];
      i = parent;
    }
    this.#heap[i] = entry;
  }

  /** No event happens while this work is under way: what takes Node several turns of its own, as its streams do. */
  async hold<T>(work: Promise<T>): Promise<T> {
    this.#held += 1;
    try {
      return await work;
    } finally {
      this.#held -= 1;
    }
  }

  /** Runs events until `isDone`, the deadline, or none are left; true when done. */
  async runUntil(isDone: () => boolean, deadlineMs: number): Promise<boolean> {
    await new Promise(setImmediate); // What the caller just began files its events first.
    while (!isDone()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > deadlineMs) {
        this.nowMs = Math.max(this.nowMs, Math.min(deadlineMs, next?.at ?? deadlineMs));
        return false;
      }
      this.#removeFirst();
      this.nowMs = next.at;
      this.eventsRun += 1;
      next.run();
      // Node ticks when no promise is left to run: a fourth of what a turn of its whole loop costs.
      await new Promise<void>(nextTick);
      while (this.#held > 0) await new Promise(setImmediate);
    }
    return true;
  }

  #removeFirst(): void {
    const last = this.#heap.pop() as Entry;
    const { length } = this.#heap;
    if (length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(this.#heap[child + 1], this.#heap[child])) child += 1;
      if (!isBefore(this.#heap[child], last)) break;
      this.#heap[i] = this.#heap[child];
      i = child;
    }
    this.#heap[i] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.tie < b.tie);
}
