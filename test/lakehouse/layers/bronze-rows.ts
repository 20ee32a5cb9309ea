import type { BronzeRun } from '../../../src/lakehouse/layers/bronze/bronze-buffer.ts';

const startMs = Date.UTC(2026, 2, 1, 23, 30);

export function orgOf(offset: number): string {
  return ['acme', 'b.org:eu', '_system', 'Z-9'][offset % 4];
}

/** Records [from, to) of a partition; the value tells partition and offset. */
export function makeRun(partition: number, from: number, to: number): BronzeRun {
  const count = to - from;
  const parts = Array.from({ length: count }, (_, i) => Buffer.from(`${partition}/${from + i}`));
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  let at = 0;
  for (const [i, part] of parts.entries()) {
    starts[i] = at;
    at += part.length;
    ends[i] = at;
  }
  const offsets = Float64Array.from({ length: count }, (_, i) => from + i);
  return {
    topic: 'ads.events.v1',
    partition,
    count,
    bytes: Buffer.concat(parts),
    offsets,
    logTimes: offsets.map((offset) => startMs + offset * 60_000),
    keyStarts: new Int32Array(count).fill(-1),
    keyEnds: new Int32Array(count).fill(-1),
    valueStarts: starts,
    valueEnds: ends,
    nextOffset: to,
    orgs: Array.from(offsets, orgOf),
    eventTimes: offsets.map((offset) => startMs + offset * 60_000),
    schemaIds: new Int32Array(count).fill(3),
    kinds: new Array<string>(count).fill('click'),
  };
}
