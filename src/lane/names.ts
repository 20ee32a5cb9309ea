import type { Dictionary } from '../events/dictionary.ts';

/**
 * Small numbers for the few names that hot records compare (currencies, sources). Unlike dictionary
 * ids they are there before the first batch: a restored campaign has a currency.
 */
export class Names {
  readonly #texts: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** By dictionary id. */
  readonly #numberOfId: (number | undefined)[] = [];

  number(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#texts.length;
      this.#texts.push(text);
      this.#numbers.set(text, number);
    }
    return number;
  }

  text(number: number): string {
    return this.#texts[number];
  }

  /** Ids are those of another dictionary from now on. */
  forgetIds(): void {
    this.#numberOfId.length = 0;
  }

  /** The number of a dictionary's text; a lane has one dictionary of a kind at a time. */
  numberOf(id: number, dictionary: Dictionary): number {
    const known = this.#numberOfId[id];
    if (known !== undefined) return known;
    const number = this.number(dictionary.text(id));
    this.#numberOfId[id] = number;
    return number;
  }
}
