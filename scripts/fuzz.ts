import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fuzzRound } from '../test/hostile/fuzz.ts';

// Feeds a lane whatever producers may send, round by round, until the time is up:
//   npm run fuzz -- --for 10m          from a seed of the clock
//   npm run fuzz -- --seed 7001        that round alone
// Ends with 1 when a round finds something: a record over which we stumble, a good record that does not
// add up, an end of the process, or memory that grows.
const { values } = parseArgs({ options: { for: { type: 'string' }, seed: { type: 'string' } } });
const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
const progressMs = 10_000;
/** What a round leaves behind is nothing; caches of schemas and zones are warm after this many. */
const warmRounds = 50;
const growthMax = 48 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function durationMs(text: string): number {
  const found = /^(\d+)([smh])$/.exec(text);
  if (found === null) throw new Error(`--for takes a duration as 30s, 10m or 2h, not "${text}"`);
  return Number(found[1]) * unitMs[found[2] as keyof typeof unitMs];
}

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

async function run(): Promise<number> {
  const first = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
  const endMs = Date.now() + (values.for === undefined ? 0 : durationMs(values.for));
  const isOne = values.seed !== undefined && values.for === undefined;
  let [rounds, records, letters, failed] = [0, 0, 0, 0];
  let warmBytes = 0;
  let nextProgressMs = Date.now() + progressMs;
  console.log(`seeds from ${first}, ${availableParallelism()} cores seen, one used`);
  do {
    const round = await fuzzRound(first + rounds);
    rounds += 1;
    records += round.records;
    letters += round.letters;
    if (round.problems.length > 0) {
      failed += 1;
      console.error(`seed ${round.seed}:\n${round.problems.join('\n')}`);
    }
    if (rounds === warmRounds) warmBytes = heapBytes();
    if (Date.now() < nextProgressMs) continue;
    nextProgressMs = Date.now() + progressMs;
    const megabytes = Math.round(process.memoryUsage().rss / 1024 ** 2);
    console.log(
      `${records} records in ${rounds} rounds, ${letters} refused, ${failed} rounds with problems, ${megabytes} MiB`,
    );
  } while (!isOne && Date.now() < endMs);
  const grown = warmBytes === 0 ? 0 : heapBytes() - warmBytes;
  console.log(`${records} records in ${rounds} rounds, ${letters} refused, ${failed} rounds with problems`);
  if (grown > growthMax)
    console.error(`the heap grew by ${Math.round(grown / 1024 ** 2)} MiB after ${warmRounds} rounds`);
  return failed > 0 || grown > growthMax ? 1 : 0;
}

process.exitCode = await run();
