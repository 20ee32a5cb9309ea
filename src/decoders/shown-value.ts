import { harmlessText } from '../model/harmless-text.ts';

/** Values of a producer as a dead letter's sentence shows them: short, on one line, its letters readable. */
const charactersMax = 64;
/** UTF-8 needs at most four bytes a character. */
const bytesMax = 4 * charactersMax;

/** Text in quotation marks, cut between characters; what has no shape on a line is written as JSON does. */
export function quoted(text: string): string {
  // By code points, so that none is cut in two; a text may be a megabyte long.
  const characters = [...text.slice(0, 2 * charactersMax)].slice(0, charactersMax);
  const cut = characters.join('').toWellFormed();
  return `${harmlessText(JSON.stringify(cut))}${cut.length < text.length ? ' …' : ''}`;
}

/** Bytes [start, end) of a text that may not be UTF-8. */
export function quotedBytes(bytes: Uint8Array, start: number, end: number): string {
  const shown = Buffer.from(bytes.subarray(start, Math.min(end, start + bytesMax))).toString('utf8');
  return quoted(end - start > bytesMax ? `${shown}…` : shown);
}

/** Any value of JSON or Avro; lists and objects are named, not printed: they may be deep. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
