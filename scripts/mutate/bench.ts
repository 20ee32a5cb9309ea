import { createVitest, type TestModule, type TestSpecification, type Vitest } from 'vitest/node';

// A process that keeps one vitest over a copy of the repository and runs tests on demand, so that a
// mutant costs no start. It is killed with all below it when a mutant runs for ever.

/** Which test files to run, in this order, after which files changed; the first failure ends it. */
export interface Ask {
  readonly changed: readonly string[];
  readonly tests: readonly string[];
  /** False: all of them, whatever fails. */
  readonly stopsAtFailure: boolean;
}

export interface Answer {
  /** `file > test` of each failure. */
  readonly failures: readonly string[];
  /** Milliseconds of each file that ran. */
  readonly durationsMs: Readonly<Record<string, number>>;
}

const root = process.cwd();
/** A mutant that fills memory fails soon, and takes nothing from others. */
const heapMb = 1_536;

let order: readonly string[] = [];
/** What the run at hand has ended; vitest itself also remembers what earlier ones did. */
let ended: TestModule[] = [];
const placeOf = ({ moduleId }: TestSpecification) => order.indexOf(shortOf(moduleId));

class Sequencer {
  async shard(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    return specifications;
  }
  async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    return [...specifications].sort((a, b) => placeOf(a) - placeOf(b));
  }
}

const vitest = await createVitest(
  'test',
  {
    root,
    config: 'vitest.config.ts',
    watch: false,
    reporters: [{ onTestModuleEnd: (module: TestModule) => void ended.push(module) }],
    // All test files of a mutant share one process, which imports the sources once.
    isolate: false,
    fileParallelism: false,
    maxWorkers: 1,
    execArgv: [`--max-old-space-size=${heapMb}`],
    globalSetup: [],
  },
  { cacheDir: '.vite', logLevel: 'silent' },
  { stdout: process.stderr },
);
await vitest.standalone();
const specifications = new Map((await vitest.globTestSpecifications()).map((each) => [shortOf(each.moduleId), each]));
vitest.config.sequence.sequencer = Sequencer;

process.on('message', async (ask: Ask) => process.send?.(await answer(vitest, ask)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function answer(vitest: Vitest, { changed, tests, stopsAtFailure }: Ask): Promise<Answer> {
  for (const file of changed) vitest.invalidateFile(`${root}/${file}`);
  order = tests;
  ended = [];
  // Failures of earlier runs would count as those of this one, which would end before it began.
  vitest.state.idMap.clear();
  vitest.state.filesMap.clear();
  vitest.state.errorsSet.clear();
  vitest.config.bail = stopsAtFailure ? 1 : 0;
  const wanted = tests.flatMap((file) => specifications.get(file) ?? []);
  const { unhandledErrors } = await vitest.runTestSpecifications(wanted);
  return {
    failures: [...ended.flatMap(failuresOf), ...unhandledErrors.map((error) => `unhandled: ${String(error)}`)],
    durationsMs: Object.fromEntries(
      ended.map((each) => [shortOf(each.moduleId), Math.round(each.diagnostic().duration)]),
    ),
  };
}

function failuresOf(module: TestModule): string[] {
  const failed = [...module.children.allTests('failed')].map(
    (each) => `${shortOf(module.moduleId)} > ${each.fullName}`,
  );
  return failed.length === 0 && module.state() === 'failed' ? [shortOf(module.moduleId)] : failed;
}

function shortOf(path: string): string {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}
