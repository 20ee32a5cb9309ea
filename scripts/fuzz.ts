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
/** Caches of schemas and zones are warm after this many rounds; from then on a round leaves nothing behind. */
const warmRounds = 50;
/** What may be held at the end beyond what was held then: the last rounds are held in part, which makes 27 MiB either way. */
const heldGrowthMax = 48 * 1024 * 1024;
/** Pages that the allocators keep for the next peak: within four minutes they settle some 100 MiB higher, and stay there. */
const rssGrowthMax = 192 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function durationMs(text: string): number {
  const found = /^(\d+)([smh])$/.exec(text);
  if (found === null) throw new Error(`--for takes a duration as 30s, 10m or 2h, not "${text}"`);
  return Number(found[1]) * unitMs[found[2] as keyof typeof unitMs];
}

/** What is reachable, and what the process holds of the machine; both without garbage. */
interface Memory {
  /** Objects and buffers. */
  readonly held: number;
  readonly rss: number;
}

function memoryNow(): Memory {
  collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { held: heapUsed + external, rss };
}

function memoryText({ held, rss }: Memory): string {
  const mebibytes = (bytes: number) => Math.round(bytes / 1024 ** 2);
  return `${mebibytes(held)} MiB held, ${mebibytes(rss)} MiB of the machine`;
}

async function run(): Promise<number> {
  const first = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
  const endMs = Date.now() + (values.for === undefined ? 0 : durationMs(values.for));
  const isOne = values.seed !== undefined && values.for === undefined;
  let [rounds, records, letters, failed] = [0, 0, 0, 0];
  let warm: Memory | null = null;
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
    if (rounds === warmRounds) {
      warm = memoryNow();
      console.log(`after ${warmRounds} rounds: ${memoryText(warm)}`);
    }
    if (Date.now() < nextProgressMs) continue;
    nextProgressMs = Date.now() + progressMs;
    console.log(
      `${records} records in ${rounds} rounds, ${letters} refused, ${failed} rounds with problems, ${memoryText(memoryNow())}`,
    );
  } while (!isOne && Date.now() < endMs);
  console.log(`${records} records in ${rounds} rounds, ${letters} refused, ${failed} rounds with problems`);
  const hasGrown = warm !== null && isGrown(warm, memoryNow());
  return failed > 0 || hasGrown ? 1 : 0;
}

/** Says what was held and is held; true when that is more than it may be. */
function isGrown(warm: Memory, end: Memory): boolean {
  console.log(`memory: ${memoryText(warm)} after ${warmRounds} rounds; ${memoryText(end)} at the end`);
  const isHeld = end.held - warm.held > heldGrowthMax;
  const isKept = end.rss - warm.rss > rssGrowthMax;
  if (isHeld)
    console.error(`what is held grew by more than ${heldGrowthMax / 1024 ** 2} MiB: something is never forgotten`);
  if (isKept) console.error(`the process grew by more than ${rssGrowthMax / 1024 ** 2} MiB`);
  return isHeld || isKept;
}

process.exitCode = await run();
