/**
 * Words that hashes over names and ids are mixed with. Outside input chooses those names: with hashes
 * that everybody can compute, a few thousand of them would share one place of a table and make it slow. An
 * answer never depends on these words, only where something lies in memory.
 */
const words = Uint32Array.from({ length: 16 }, (_, place) => Math.imul(place + 1, 0x9e3779b1) >>> 0);

/** Makes the words a secret of this process; whatever is made from then on uses them. */
export function keyHashes(fillByChance: (words: Uint32Array) => void): void {
  fillByChance(words);
}

export function hashWord(place: number): number {
  return words[place];
}
