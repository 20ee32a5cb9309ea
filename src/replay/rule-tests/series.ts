import { dayMs, hourMs, minuteMs } from '../../model/time.ts';
import { duration } from '../../plans/duration.ts';

/**
 * What flows in a rule test, as one line: `10/h for 24h, nothing for 2h, 500 at once`. The parts follow each other
 * from the beginning of the test; behind the last one nothing flows.
 */
export interface Series {
  /** Millionths that flow in [from, to), ms since the beginning of the test. What is in two steps is never lost between them. */
  amountIn(from: number, to: number): bigint;
}

/** The line is none; `at` is the character at which it goes wrong. */
export class SeriesProblem extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

interface Stretch {
  readonly from: number;
  /** Equal to `from` for what comes at once. */
  readonly to: number;
  /** Millionths in each `unitMs`, or at once. */
  readonly amount: bigint;
  readonly unitMs: number;
}

const units = { m: minuteMs, h: hourMs, d: dayMs } as const;
const wish =
  'must be parts like "10/h for 24h", "240/d for 3d", "nothing for 2h", "500 at once" or "3 times (…)", with commas between';
/** More parts than these are no line that somebody wrote. */
const partsMax = 10_000;

/** Reads a series; throws SeriesProblem. */
export function readSeries(text: string): Series {
  let from = 0;
  const stretches = unrolled(text).map(({ part, at }): Stretch => {
    const once = /^(\d+(?:\.\d{1,6})?) at once$/.exec(part);
    if (once !== null) return { from, to: from, amount: millionths(once[1]), unitMs: 1 };
    const match = /^(?:nothing|(\d+(?:\.\d{1,6})?)\/([mhd])) for (\w+)$/.exec(part);
    if (match === null) throw new SeriesProblem(at, `"${part}": ${wish}`);
    const [, amount = '0', unit = 'h', length] = match;
    const stretch = {
      from,
      to: from + durationIn(length, at + part.lastIndexOf(length)),
      amount: millionths(amount),
      unitMs: units[unit as keyof typeof units],
    };
    from = stretch.to;
    return stretch;
  });
  const before = (t: number) => stretches.reduce((sum, stretch) => sum + amountBefore(stretch, t), 0n);
  return { amountIn: (start, end) => before(end) - before(start) };
}

/**
 * When a source says how far it is complete: `every 15m for 6h, nothing for 3h`. Instants in ms since the
 * beginning of the test; throws SeriesProblem.
 */
export function readBeats(text: string): number[] {
  const beats: number[] = [];
  let from = 0;
  for (const { part, at } of unrolled(text)) {
    const match = /^(?:nothing|every (\w+)) for (\w+)$/.exec(part);
    if (match === null)
      throw new SeriesProblem(
        at,
        `"${part}": must be parts like "every 15m for 6h" or "nothing for 3h", with commas between`,
      );
    const [, every, length] = match;
    const end = from + durationIn(length, at + part.lastIndexOf(length));
    if (every !== undefined) {
      const step = durationIn(every, at + part.indexOf(every));
      if (step < minuteMs) throw new SeriesProblem(at + part.indexOf(every), `"${every}": must be 1m at least`);
      for (let t = from + step; t <= end; t += step) beats.push(t);
    }
    from = end;
  }
  return beats;
}

/**
 * What the stretch brings before `t`: a step begins with what lies at its first instant. Rounded up to the next
 * millionth: 0.85 an hour is never 84.99 % of one.
 */
function amountBefore({ from, to, amount, unitMs }: Stretch, t: number): bigint {
  if (t <= from) return 0n;
  if (from === to) return amount;
  const [parts, unit] = [amount * BigInt(Math.min(t, to) - from), BigInt(unitMs)];
  return (parts + unit - 1n) / unit;
}

interface Part {
  readonly part: string;
  readonly at: number;
}

/** The parts in order of time: `3 times (…, …)` stands for what is in the brackets, as often; brackets may hold others. */
function unrolled(text: string, at = 0): Part[] {
  const parts = partsOf(text, at).flatMap((each): Part[] => {
    const [all, head, times] = /^((\d+) times ?\()/.exec(each.part) ?? [];
    if (all === undefined) return [each];
    if (!each.part.endsWith(')')) throw new SeriesProblem(each.at, `"${each.part}": the bracket is not closed`);
    const open = text.indexOf('(', each.at - at);
    const inner = unrolled(text.slice(open + 1, open + 1 + innerLength(text, open)), at + open + 1);
    if (Number(times) * inner.length > partsMax)
      throw new SeriesProblem(each.at, `"${head}…": comes to more than ${partsMax} parts`);
    return Array.from({ length: Number(times) }, () => inner).flat();
  });
  if (parts.length > partsMax) throw new SeriesProblem(at, `comes to more than ${partsMax} parts`);
  return parts;
}

/** Characters between the bracket at `open` and the one that closes it. */
function innerLength(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return at - open - 1;
  }
  return text.length - open - 1;
}

/** Between commas that are in no brackets. */
function partsOf(text: string, at: number): Part[] {
  const parts: Part[] = [];
  let depth = 0;
  let start = 0;
  for (let end = 0; end <= text.length; end++) {
    if (text[end] === '(') depth += 1;
    if (text[end] === ')') depth -= 1;
    if (end < text.length && (text[end] !== ',' || depth > 0)) continue;
    const part = text.slice(start, end);
    // Nothing between two commas is nothing.
    if (part !== '')
      parts.push({ part: part.trim().replaceAll(/\s+/g, ' '), at: at + start + part.length - part.trimStart().length });
    start = end + 1;
  }
  return parts;
}

function durationIn(text: string, at: number): number {
  const parsed = duration.safeParse(text);
  if (!parsed.success || parsed.data === 0)
    throw new SeriesProblem(at, `"${text}": must be a duration like 90s, 5m, 2h or 1d`);
  return parsed.data;
}

/** Of a decimal number, exactly. */
export function millionths(text: string): bigint {
  const [whole, part = ''] = text.split('.');
  return BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, '0'));
}
