import { fnv1a } from '../../src/model/hash.ts';

/** Numbers from 0 to below 1, always the same ones for a seed. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Draws that hang on what was drawn already, and take nothing from its source: what is drawn anew of plans and rules
 * leaves the rest of every seed's world as it was.
 */
export function offshoot(of: unknown): () => number {
  return randomSource(fnv1a(JSON.stringify(of)));
}
