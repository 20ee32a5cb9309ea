/**
 * Text that somebody made up, for a line that people read: what moves a cursor, ends the line or turns it around is
 * written out, so that it cannot say one thing and show another. All letters stay as they are.
 */
export function harmlessText(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
