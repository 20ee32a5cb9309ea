import type { IdSource } from '../../../src/lakehouse/storage/id-source.ts';

/** Mulberry32: small, and the same sequence everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Names in order, and snapshot ids far above 2^53. */
export function seededIds(seed: number): IdSource {
  const random = seededRandom(seed);
  let next = 0;
  return {
    uuid: () => `00000000-0000-4000-8000-${String(++next).padStart(12, '0')}`,
    snapshotId: () => (1n << 62n) + BigInt(Math.floor(random() * 2 ** 52)),
    sync: () => new Uint8Array(16).fill(7),
  };
}
