import { attributions as allAttributions, type attributions } from '../events/event-batch.ts';
import { otherLabel } from '../events/event-columns.ts';

type Attribution = (typeof attributions)[number];

/** Of days that were forgotten with their campaign while their last rows wait: its types are others by then. */
const formerTypes = new WeakMap<object, ConversionTypes>();

export function keepFormerTypes(day: object, types: ConversionTypes): void {
  formerTypes.set(day, types);
}

/** The types of a day's campaign when the day was its; asked once, when the row is written. */
export function takeFormerTypes(day: object): ConversionTypes | undefined {
  const types = formerTypes.get(day);
  formerTypes.delete(day);
  return types;
}

/** Code of conversions of which nobody says the type or what brought them about. */
export const plainConversion = 0;

/**
 * The types of a campaign's conversions, in the order in which they came. A type and what brought the conversion
 * about (a click, a view, unsaid) are one code; type 0 is that of conversions without one, the last that of all
 * types that are not told apart.
 */
const noNames: readonly string[] = [];

export class ConversionTypes {
  /** Replaced where one comes: an array that grows would make room for seventeen, in every campaign. */
  #names: readonly string[] = noNames;
  readonly #namesMax: number;
  /** A name came since the last harvest. */
  isDirty = false;

  constructor(namesMax: number) {
    this.#namesMax = namesMax;
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** The code of a type and a place among the attributions. */
  codeOf(name: string, attribution: number): number {
    return this.#numberOf(name) * allAttributions.length + attribution;
  }

  nameOf(code: number): string {
    const number = Math.floor(code / allAttributions.length);
    if (number === 0) return '';
    return number > this.#namesMax ? otherLabel : this.#names[number - 1];
  }

  attributionOf(code: number): Attribution {
    return allAttributions[code % allAttributions.length];
  }

  restore(names: readonly string[]): void {
    this.#names = [...names];
  }

  /** Those that came behind the first `count` were of something that is not booked. */
  cut(count: number): void {
    this.#names = this.#names.slice(0, count);
  }

  forget(): void {
    this.#names = noNames;
  }

  #numberOf(name: string): number {
    if (name === '') return 0;
    if (name === otherLabel) return this.#namesMax + 1;
    const known = this.#names.indexOf(name);
    if (known >= 0) return known + 1;
    if (this.#names.length >= this.#namesMax) return this.#namesMax + 1;
    this.isDirty = true;
    this.#names = [...this.#names, name];
    return this.#names.length;
  }
}
