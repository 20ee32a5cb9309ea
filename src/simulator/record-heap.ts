import type { ProducedRecord } from './produced-record.ts';

/** Records that are on their way, earliest first; records of one instant leave in the order they came. */
export class RecordHeap {
  readonly #records: ProducedRecord[] = [];
  readonly #numbers: number[] = [];
  #pushed = 0;

  get size(): number {
    return this.#records.length;
  }

  push(record: ProducedRecord): void {
    this.#records.push(record);
    this.#numbers.push(this.#pushed++);
    let at = this.#records.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** The earliest record with a log time before `endMs`, taken out; undefined when there is none. */
  popBefore(endMs: number): ProducedRecord | undefined {
    const first = this.#records[0];
    if (first === undefined || first.logTimeMs >= endMs) return undefined;
    const last = this.#records.length - 1;
    this.#swap(0, last);
    this.#records.pop();
    this.#numbers.pop();
    this.#sink(last);
    return first;
  }

  #sink(size: number): void {
    let at = 0;
    for (;;) {
      let least = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2; child++) {
        if (child < size && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const difference = this.#records[a].logTimeMs - this.#records[b].logTimeMs;
    return difference < 0 || (difference === 0 && this.#numbers[a] < this.#numbers[b]);
  }

  #swap(a: number, b: number): void {
    [this.#records[a], this.#records[b]] = [this.#records[b], this.#records[a]];
    [this.#numbers[a], this.#numbers[b]] = [this.#numbers[b], this.#numbers[a]];
  }
}
