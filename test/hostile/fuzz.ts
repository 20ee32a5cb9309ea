import fc from 'fast-check';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { frameValue } from '../../src/events/avro/encode.ts';
import { type EventKind, eventKinds } from '../../src/events/kinds.ts';
import { dayMs, minuteMs } from '../../src/model/time.ts';
import { type RandomEvent, randomEvent } from '../decoders/random-events.ts';
import { randomSource, testPlan } from '../operators/random-world.ts';
import type { Drive } from '../operators/run-lane.ts';
import { printed } from '../operators/run-lane.ts';
import { lettersOf, type RawRecord, rowsOf, runRecords, start } from './hostile-lane.ts';
import { below, mutated, nearLog, noise, oddJson, pick, type Random } from './mutate.ts';

/**
 * A round: a log of good records of one organization among anything that another may send, valid events,
 * odd ones and bytes, all kinds, both encodings. Whatever the others are, the good ones give the very
 * rows that they give among ticks, nobody throws, and no record is one that we stumble over.
 */
export interface Round {
  readonly seed: number;
  readonly records: number;
  /** Hostile records that were refused. */
  readonly letters: number;
  /** Rows of the good organization, by table. */
  readonly goodRows: Readonly<Record<string, number>>;
  /** Sentences that say what is wrong; none when all is well. */
  readonly problems: readonly string[];
}

const recordsPerRound = 600;
const avro = makeEventCodec('binary').encoder;
const json = makeEventCodec('jsonl').encoder;

export async function fuzzRound(seed: number): Promise<Round> {
  const random = randomSource(seed);
  const log = logOf(seed, random);
  const alone = log.map((record) =>
    record.key === 'evil' ? { ...record, key: null, value: avro.encode('tick', {}) } : record,
  );
  const problems: string[] = [];
  let letters = 0;
  let goodRows = {};
  try {
    const tables = await runRecords(log, driveOf(random));
    const found = lettersOf(tables);
    letters = found.length;
    for (const { offset, reason } of found) {
      if (reason !== 'internal_error') continue;
      problems.push(
        `we stumble over record ${offset}: ${Buffer.from(log[offset].value ?? [])
          .toString('hex')
          .slice(0, 4_000)}`,
      );
    }
    const [among, expected] = [rowsOf(tables, 'acme'), rowsOf(await runRecords(alone, driveOf(random)), 'acme')];
    goodRows = Object.fromEntries(Object.entries(expected).map(([name, rows]) => [name, rows.length]));
    for (const name of Object.keys(expected)) {
      if (printed(among[name]) !== printed(expected[name])) problems.push(`the good rows of ${name} differ`);
    }
  } catch (error) {
    problems.push(`the process would have ended: ${error instanceof Error ? error.stack : String(error)}`);
  }
  return { seed, records: log.length, letters, goodRows, problems };
}

/** Batches of any size, commits, and now and then a crash. */
function driveOf(random: Random): Drive {
  return {
    batch: () => 1 + below(random, 200),
    commits: () => random() < 0.5,
    crashes: () => random() < 0.2,
  };
}

function logOf(seed: number, random: Random): RawRecord[] {
  const events = fc.sample(randomEvent(eventKinds), { seed, numRuns: recordsPerRound });
  const log: RawRecord[] = [...opening()];
  let logTimeMs = start;
  for (const event of events) {
    logTimeMs += below(random, random() < 0.02 ? 60 * minuteMs : 2_000);
    if (random() < 0.3) log.push(good(random, log.length, logTimeMs));
    else log.push({ key: 'evil', logTimeMs, value: hostileValue(random, event, logTimeMs) });
  }
  return log;
}

/** Plan, flight and budget of the good organization: its pacing and alerts are compared too. */
function opening(): RawRecord[] {
  const day = Math.floor(start / dayMs);
  const own = (number: number) => ({
    ...goodEnvelope(number, start),
    campaign_id: 'spring',
    effective_at: start,
    ledger_version: 1,
  });
  const dates = { flight_id: 'f-1', start_local: day - 1, end_local: day + 1, tz: 'Europe/Berlin' };
  const budget = { flight_id: 'f-1', budget_micros: 40_000_000, currency: 'EUR' };
  const plan = (org: string) => ({ org_id: org, number: 1, hash: 'x', body: JSON.stringify(testPlan(1, org)) });
  return [
    { key: 'acme', logTimeMs: start, value: json.encode('org_plan', plan('acme')) },
    { key: 'evil', logTimeMs: start, value: json.encode('org_plan', plan('evil')) },
    { key: 'acme', logTimeMs: start, value: avro.encode('flight_changed', { ...own(1), ...dates }) },
    { key: 'acme', logTimeMs: start, value: avro.encode('budget_changed', { ...own(2), ...budget }) },
  ];
}

function goodEnvelope(number: number, at: number) {
  const event_id = `aaaa${number.toString(16).padStart(28, '0')}`;
  return { event_id, org_id: 'acme', campaign_id: 'spring', event_time: at, source: 'adserver' };
}

function good(random: Random, number: number, logTimeMs: number): RawRecord {
  const fields = { ...goodEnvelope(number + 1_000, logTimeMs - below(random, minuteMs)), currency: 'EUR' };
  const encoder = pick(random, [avro, json]);
  const value =
    random() < 0.5
      ? encoder.encode('impression', {
          ...fields,
          cpm_micros: 1_000 * below(random, 9_000),
          batch_count: 1 + below(random, 3),
        })
      : encoder.encode('click', { ...fields, cost_micros: below(random, 400_000) });
  return { key: 'acme', logTimeMs, value };
}

/** One way of many to be odd. */
function hostileValue(random: Random, event: RandomEvent, logTimeMs: number): Uint8Array | null {
  const kind = event.kind as EventKind;
  const fields = nearLog(random, kind, event.fields, logTimeMs);
  const dice = random();
  if (dice < 0.3) return pick(random, [avro, json]).encode(kind, fields);
  if (dice < 0.5) return oddJson(random, kind, fields);
  if (dice < 0.75) return mutated(random, pick(random, [avro, json]).encode(kind, fields));
  if (dice < 0.85) return frameValue(1 + below(random, 20), noise(random, below(random, 200)));
  if (dice < 0.9) return noise(random, below(random, 100));
  if (dice < 0.98) return oddPlan(random);
  return null;
}

function oddPlan(random: Random): Uint8Array {
  const body = Buffer.from(JSON.stringify(testPlan(2 + below(random, 50), 'evil')));
  const text = random() < 0.2 ? body : mutated(random, body);
  const plan = { org_id: 'evil', number: 2 + below(random, 50), hash: 'x', body: Buffer.from(text).toString('utf8') };
  return pick(random, [avro, json]).encode('org_plan', plan);
}
