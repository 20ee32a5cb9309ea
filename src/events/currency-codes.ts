import { Dictionary } from './dictionary.ts';

/** A dictionary of currency codes: three letters are few enough to look up in a table. */
export class CurrencyCodes extends Dictionary {
  /** Id + 1 of each code; 0 = never seen. */
  readonly #ids = new Int16Array(letters ** 3);

  /** The id of the ISO-4217 code at [start, end), a new one when it was never seen; -1 = it is none. */
  code(bytes: Uint8Array, start: number, end: number): number {
    if (end - start !== 3) return -1;
    const first = bytes[start] - letterA;
    const second = bytes[start + 1] - letterA;
    const third = bytes[start + 2] - letterA;
    if (!(isLetter(first) && isLetter(second) && isLetter(third))) return -1;
    const place = (first * letters + second) * letters + third;
    if (this.#ids[place] === 0) this.#ids[place] = this.intern(bytes, start, end) + 1;
    return this.#ids[place] - 1;
  }
}

const letters = 26;
const letterA = 65;

function isLetter(index: number): boolean {
  return index >= 0 && index < letters;
}
