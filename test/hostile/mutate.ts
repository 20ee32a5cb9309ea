import type { EventKind } from '../../src/events/kinds.ts';
import { dayMs, hourMs } from '../../src/model/time.ts';
import type { Fields } from './producer.ts';

/** A number in [0, 1), the next of a seed's. */
export type Random = () => number;

export function below(random: Random, count: number): number {
  return Math.floor(random() * count);
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[below(random, values.length)];
}

const wholeNumbers = [
  0,
  1,
  -1,
  2,
  1_000,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 52,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
];

/**
 * Brings a random event near the log: an event of any instant, campaign and currency would nearly always
 * be late, from the future or of a campaign of its own, and never meet another.
 */
export function nearLog(random: Random, kind: EventKind, fields: Fields, logTimeMs: number): Fields {
  const near: Record<string, unknown> = { ...fields };
  const at = () => logTimeMs - below(random, random() < 0.1 ? 80 * hourMs : hourMs);
  for (const name of Object.keys(near)) near[name] = nearValue(random, name, near[name], at);
  near.org_id = 'evil';
  if (kind !== 'source_heartbeat') near.campaign_id = `c-${1 + below(random, 4)}`;
  if (kind === 'flight_changed' && random() < 0.8) near.end_local = Number(near.start_local) + below(random, 30);
  if (kind === 'spend') near.period_end = Number(near.period_start) + hourMs;
  return near;
}

function nearValue(random: Random, name: string, value: unknown, at: () => number): unknown {
  if (/_time$|^minute$|^period_start$|^effective_at$|^complete_through$/.test(name) && value !== null) return at();
  if (/_local$|^applies_to$/.test(name)) return Math.floor(at() / dayMs) - below(random, 3);
  if (name === 'currency') return random() < 0.95 ? 'EUR' : value;
  if (name === 'source') return pick(random, ['adserver', 'dsp', 'dsp2']);
  if (name === 'flight_id') return value === null ? null : pick(random, ['f-1', 'f-2', 'f-3']);
  if (name === 'tz') return pick(random, ['UTC', 'America/New_York', 'Asia/Kolkata', 'Mars/Olympus']);
  if (name === 'basis') return random() < 0.7 ? 'TOTAL' : value;
  if (name === 'test') return random() < 0.05;
  if (/micros$/.test(name) && typeof value === 'number')
    return random() < 0.7 ? value % 1e9 : pick(random, wholeNumbers);
  if (name === 'deltas')
    return { [pick(random, ['impressions', 'clicks', 'video_starts', 'nonsense'])]: pick(random, wholeNumbers) };
  return value;
}

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const oddTexts = [
  'null',
  'true',
  '-1',
  '1.5',
  '1e400',
  '9007199254740993',
  '123456789012345678901234567890',
  '""',
  '"\\ud800"',
  '"夏"',
  '"a b"',
  '[]',
  '{}',
  '{"a":{"b":[1,2,3]}}',
  nested(200),
  nested(20_000),
  `"${'x'.repeat(5_000)}"`,
];

/** JSON text of an event in which one member, or none, is what no schema foresees. */
export function oddJson(random: Random, kind: string, fields: Fields): Uint8Array {
  const names = Object.keys(fields);
  const odd = random() < 0.7 ? pick(random, [...names, 'type', 'unheard_of']) : null;
  const members = Object.entries({ type: kind, ...fields, ...(odd === null ? {} : { [odd]: null }) }).map(
    ([name, value]) => `${JSON.stringify(name)}:${name === odd ? pick(random, oddTexts) : JSON.stringify(value)}`,
  );
  return Buffer.from(`{${members.join(',')}}`);
}

/** Bytes with a few of them changed, cut out, put in or said twice. */
export function mutated(random: Random, bytes: Uint8Array): Uint8Array {
  let next = Buffer.from(bytes);
  for (let count = 1 + below(random, 3); count > 0; count--) {
    const at = below(random, next.length + 1);
    const length = below(random, 8);
    const before = next.subarray(0, at);
    const behind = next.subarray(at + length);
    const change = below(random, 5);
    if (change === 0 && at < next.length) next[at] = below(random, 256);
    else if (change === 1) next = Buffer.concat([before, behind]);
    else if (change === 2) next = Buffer.concat([before, noise(random, length), next.subarray(at)]);
    else if (change === 3) next = Buffer.concat([before, next.subarray(0, length), next.subarray(at)]);
    else next = Buffer.from(before);
  }
  return next;
}

export function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => below(random, 256)));
}
