import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';

const newline = 10;
const carriageReturn = 13;
const pieceBytes = 1024 * 1024;
/** No record is as large; a file without any end of line must not fill our memory. */
const lineBytesMax = 64 * 1024 * 1024;
const byteOrderMark = '\ufeff';

/**
 * The lines of a file, without their ends (LF, or CRLF as from Windows) and the mark that some editors put at its
 * beginning. Nothing else ends a line: U+2028 within a text of JSON is part of that text. Null stands for a line
 * that is no UTF-8 or too long, which ends the reading.
 */
export async function* linesOfFile(path: string): AsyncGenerator<string | null> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let isFirst = true;
  const take = (last: Buffer): string | null => {
    const whole = held.length === 0 ? last : Buffer.concat([...held, last]);
    held = [];
    heldBytes = 0;
    if (!isUtf8(whole)) return null;
    const end = whole.at(-1) === carriageReturn ? whole.length - 1 : whole.length;
    const text = whole.toString('utf8', 0, end);
    const line = isFirst && text.startsWith(byteOrderMark) ? text.slice(1) : text;
    isFirst = false;
    return line;
  };
  for await (const piece of createReadStream(path, { highWaterMark: pieceBytes }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = piece.indexOf(newline); at !== -1; at = piece.indexOf(newline, from)) {
      yield take(piece.subarray(from, at));
      from = at + 1;
    }
    const rest = piece.subarray(from);
    heldBytes += rest.length;
    if (heldBytes > lineBytesMax) yield null;
    held.push(Buffer.from(rest));
  }
  if (heldBytes > 0) yield take(Buffer.alloc(0));
}
