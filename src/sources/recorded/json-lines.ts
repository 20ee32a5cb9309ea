import { constants, isUtf8 } from 'node:buffer';
import { isLogTime } from '../../events/record-run.ts';
import {
  frameBytesMax,
  type RecordEncoder,
  type RecordScanner,
  type ScanBounds,
  type ScanStop,
} from './log-encoding.ts';
import type { RunBuilder } from './run-builder.ts';

/**
 * JSON-lines segments (docs/log-format.md): one record per line. The text of `value` is handed on
 * byte by byte, never parsed and printed again, so that no number changes on its way.
 */
const newline = 10;
const quote = 34;
const backslash = 92;
const openBrace = 123;
const closeBrace = 125;

export class JsonLinesEncoder implements RecordEncoder {
  #lines: string[] = [];
  length = 0;

  add(offset: number, logTime: number, key: Uint8Array | null, value: Uint8Array | null): void {
    const keyText = key !== null && !isUtf8(key) ? `"key_base64":"${base64(key)}"` : `"key":${quoted(key)}`;
    const line = `{"offset":${offset},"log_time":${logTime},${keyText},${valueMember(value)}}\n`;
    this.#lines.push(line);
    this.length += line.length;
  }

  take(): Uint8Array {
    const taken = Buffer.from(this.#lines.join(''), 'utf8');
    this.#lines = [];
    this.length = 0;
    return taken;
  }
}

function quoted(key: Uint8Array | null): string {
  return key === null ? 'null' : JSON.stringify(Buffer.from(key).toString('utf8'));
}

/** Bytes that are not one JSON object on one line travel as base64, so that every value survives. */
function valueMember(value: Uint8Array | null): string {
  if (value === null) return '"value":null';
  if (value[0] === openBrace && value[value.length - 1] === closeBrace && !value.includes(newline) && isUtf8(value)) {
    const text = Buffer.from(value).toString('utf8');
    if (parse(text) !== undefined) return `"value":${text}`;
  }
  return `"value_base64":"${base64(value)}"`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** Undefined when the text is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

export class JsonLinesScanner implements RecordScanner {
  nextOffset: number;
  lastLogTime = 0;
  at = 0;
  needs = 0;

  constructor(baseOffset: number) {
    this.nextOffset = baseOffset;
  }

  get keepFrom(): number {
    return this.at;
  }

  shift(by: number): void {
    this.at -= by;
  }

  scan(bytes: Buffer, end: number, into: RunBuilder, bounds: ScanBounds): ScanStop {
    for (;;) {
      const lineEnd = bytes.subarray(0, end).indexOf(newline, this.at);
      if (lineEnd < 0) return end - this.at > frameBytesMax ? 'bad' : 'short';
      if (isBlank(bytes, this.at, lineEnd)) {
        this.at = lineEnd + 1;
        continue;
      }
      if (into.count >= bounds.records) return 'full';
      if (into.count > 0 && into.bytes + lineEnd - this.at > bounds.bytes) return 'full';
      const line = readLine(bytes, this.at, lineEnd);
      const isOrdered = line !== null && (line.offset === null || line.offset >= this.nextOffset);
      const offset = isOrdered ? (line.offset ?? this.nextOffset) : this.nextOffset;
      if (offset >= bounds.endOffset) return 'hidden';
      if (isOrdered) {
        const key = place(bytes, line.key);
        const value = place(bytes, line.value);
        into.add(offset, line.logTime, key.start, key.end, value.start, value.end);
        this.lastLogTime = line.logTime;
      } else {
        // The raw line becomes the value: the decoder refuses it and a dead letter shows it.
        into.add(offset, this.lastLogTime, -1, -1, this.at, lineEnd);
      }
      into.gaps += offset - this.nextOffset;
      this.nextOffset = offset + 1;
      this.at = lineEnd + 1;
    }
  }
}

/** A byte range of the buffer and, when the text there is an escaped or base64 form, what it means. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly decoded: Buffer | null;
}

interface Line {
  readonly offset: number | null;
  readonly logTime: number;
  readonly key: Part;
  readonly value: Part;
}

const nothing: Part = { start: -1, end: -1, decoded: null };

/** The decoded form is never longer than the written one, so it is put over it. */
function place(bytes: Buffer, part: Part): Part {
  if (part.decoded === null) return part;
  part.decoded.copy(bytes, part.start);
  return { start: part.start, end: part.start + part.decoded.length, decoded: null };
}

function readLine(bytes: Buffer, start: number, end: number): Line | null {
  if (end - start > constants.MAX_STRING_LENGTH || !isUtf8(bytes.subarray(start, end))) return null;
  const fields = parse(bytes.toString('utf8', start, end));
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return null;
  const ranges = memberRanges(bytes, start, end);
  const { offset = null, log_time, key, key_base64, value, value_base64 } = fields as Record<string, unknown>;
  const logTime = typeof log_time === 'string' ? Date.parse(log_time) : log_time;
  if (typeof logTime !== 'number' || !isLogTime(logTime)) return null;
  if (offset !== null && !isOffset(offset)) return null;
  const keyPart = readKey(bytes, ranges, key, key_base64);
  const valuePart = readValue(ranges, value, value_base64);
  if (keyPart === null || valuePart === null) return null;
  return { offset: offset as number | null, logTime, key: keyPart, value: valuePart };
}

/** A version of a row has 48 bits for it (`versionOf`). */
const offsetMax = 2 ** 48 - 2;

function isOffset(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= offsetMax;
}

function readKey(bytes: Buffer, ranges: Ranges, key: unknown, encoded: unknown): Part | null {
  if (typeof encoded === 'string') return decodedPart(ranges.get('key_base64'), Buffer.from(encoded, 'base64'));
  if (key === undefined || key === null) return nothing;
  const range = ranges.get('key');
  if (typeof key !== 'string' || range === undefined) return null;
  const [start, end] = range;
  // A key without escapes stands in the line as it is, between its quotes.
  if (!bytes.subarray(start, end).includes(backslash)) return { start: start + 1, end: end - 1, decoded: null };
  return decodedPart(range, Buffer.from(key, 'utf8'));
}

function readValue(ranges: Ranges, value: unknown, encoded: unknown): Part | null {
  if (typeof encoded === 'string') return decodedPart(ranges.get('value_base64'), Buffer.from(encoded, 'base64'));
  if (value === null) return nothing;
  const range = ranges.get('value');
  return range === undefined ? null : { start: range[0], end: range[1], decoded: null };
}

function decodedPart(range: readonly [number, number] | undefined, decoded: Buffer): Part | null {
  return range === undefined ? null : { start: range[0], end: range[1], decoded };
}

type Ranges = ReadonlyMap<string, readonly [number, number]>;

/** Byte ranges of the top-level members of a line that is known to be a JSON object. */
function memberRanges(bytes: Buffer, start: number, end: number): Ranges {
  const ranges = new Map<string, readonly [number, number]>();
  let at = skipBlank(bytes, start) + 1;
  while (at < end) {
    at = skipBlank(bytes, at);
    if (bytes[at] !== quote) break;
    const nameEnd = skipString(bytes, at);
    const name = JSON.parse(bytes.toString('utf8', at, nameEnd)) as string;
    const valueStart = skipBlank(bytes, skipBlank(bytes, nameEnd) + 1);
    const valueEnd = skipValue(bytes, valueStart);
    ranges.set(name, [valueStart, valueEnd]);
    // Past the comma, or past the closing brace, which ends the loop.
    at = skipBlank(bytes, valueEnd) + 1;
  }
  return ranges;
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  return skipBlank(bytes, start) >= end;
}

function skipBlank(bytes: Buffer, at: number): number {
  while (bytes[at] === 32 || bytes[at] === 9 || bytes[at] === 13) at += 1;
  return at;
}

function skipString(bytes: Buffer, at: number): number {
  for (at += 1; bytes[at] !== quote; at += 1) if (bytes[at] === backslash) at += 1;
  return at + 1;
}

function skipValue(bytes: Buffer, at: number): number {
  if (bytes[at] === quote) return skipString(bytes, at);
  let depth = 0;
  for (;;) {
    const byte = bytes[at];
    if (byte === quote) {
      at = skipString(bytes, at);
      continue;
    }
    if (byte === openBrace || byte === 91) depth += 1;
    else if (byte === closeBrace || byte === 93) {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (byte === 44 || byte === 32 || byte === 9 || byte === 13)) return at;
    at += 1;
  }
}
