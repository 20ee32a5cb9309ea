/**
 * Due instants of one lane, earliest first; ties by rank, organization, campaign (docs/semantics.md
 * §1). A binary heap over small objects: one a campaign and one an organization.
 */
export interface Timer {
  at: number;
  /** 0 = organization, 1 = campaign. */
  readonly rank: 0 | 1;
  readonly orgId: string;
  readonly campaignId: string;
  readonly slot: number;
}

export class Timers {
  readonly #heap: Timer[] = [];

  get nextAt(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0].at;
  }

  push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(timer, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = timer;
  }

  pop(): Timer {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop() as Timer;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #sink(timer: Timer): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (!isBefore(heap[child], timer)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = timer;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  if (a.at !== b.at) return a.at < b.at;
  if (a.rank !== b.rank) return a.rank < b.rank;
  if (a.orgId !== b.orgId) return a.orgId < b.orgId;
  return a.campaignId < b.campaignId;
}

/** The first instant > `after` that is ≡ `phase` modulo `every`. */
export function nextInstant(after: number, phase: number, every: number): number {
  const shift = ((phase % every) + every) % every;
  return Math.floor((after - shift) / every) * every + every + shift;
}
