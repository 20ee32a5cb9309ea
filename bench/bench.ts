import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeEventCodec } from '../src/adapters/log/event-codec.ts';
import { loadConfig } from '../src/adapters/settings.ts';
import { reportError } from '../src/cli/report-error.ts';
import { Terminal } from '../src/cli/terminal.ts';
import { systemClock } from '../src/control/system-clock.ts';
import { EngineError } from '../src/model/errors.ts';
import { minuteMs } from '../src/model/time.ts';
import { readPlanFiles } from '../src/plans/plan-files.ts';
import type { BronzeResult, BronzeTask } from './bronze.ts';
import type { CampaignResult, CampaignTask } from './campaign.ts';
import type { DecodeResult, DecodeTask } from './decode.ts';
import { type BenchLog, benchLog, usualBenchLog } from './make-log.ts';
import type { NaiveResult, NaiveTask } from './naive.ts';
import { type Measured, printReport, summarize } from './report.ts';
import { runTask } from './task.ts';

const help = `  npm run bench                          # everything, about three minutes after the log is made
  npm run bench -- --json                # ends with one line of JSON for programs
  npm run bench -- --events 500000       # a short run, to see a change's direction

Measures the engine over a recorded log: the whole campaign topology (checksums, duplicates, rules,
commits, tables, alert and dead-letter records), where its processor time goes, bronze alone, decoding
alone, and a naive stack on the same records as a yardstick. docs/benchmarks.md says what each figure
means. The log is made once and kept in bench/.cache.

Flags:
  --json       Print one line of JSON at the end.
  --events N   Events of the log: 150,000 to 50,000,000. Default: 5,000,000.
  --only PART  Measure only campaign, profile, bronze, decode or naive; no JSON line then.
  --plan PLAN  What the organizations run: shipped, the rules that Paceline comes with (the default), or classic,
               the eight rules of its first release and duplicates of a quarter of an hour.
  --hottest    With the profile: list the functions with the most time of their own.
  --help       Show this help.`;

const parts = ['campaign', 'profile', 'bronze', 'decode', 'naive'] as const;
type Part = (typeof parts)[number];

const plans = ['shipped', 'classic'] as const;
type PlanName = (typeof plans)[number];

/** Bronze, decode and naive take this many records: their cost per record does not depend on the length. */
const prefixRecords = 1_000_000;
const cacheDir = join(import.meta.dirname, '.cache');
const shippedConfigDirectory = join(import.meta.dirname, '..', 'config');
/** A plan that uses none of what came later: what a run of it costs more than it did is the price of what it does not use. */
const classicRules = join(import.meta.dirname, 'classic-rules');
const classicDuplicateWindowMs = 15 * minuteMs;

interface BenchCall {
  readonly events: number;
  readonly isJson: boolean;
  readonly only: Part | null;
  readonly plan: PlanName;
  readonly isHottest: boolean;
}

async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const call = readCall(args);
  if (call === null) {
    terminal.print(help);
    return 0;
  }
  const note = (line: string): void => terminal.note(line);
  note(`log of ${call.events.toLocaleString('en-US')} events (made once, then kept) ...`);
  const log = await logOf(call);
  const base = { logDir: log.dir, cacheDir };
  const prefix = { ...base, share: Math.min(1, prefixRecords / log.records) };
  const isWanted = (part: Part): boolean => call.only === null || call.only === part;
  const measured: Measured = { log, campaign: null, profiled: null, bronze: null, decode: null, naive: null };
  if (isWanted('campaign')) {
    note('campaign topology, everything on ...');
    const task: CampaignTask = { ...base, isProfiled: false };
    measured.campaign = await runTask<CampaignResult>('./campaign.ts', task);
  }
  if (isWanted('profile')) {
    note('the same, sampled, to see where the time goes ...');
    const task: CampaignTask = { ...base, isProfiled: true };
    measured.profiled = await runTask<CampaignResult>('./campaign.ts', task);
  }
  if (isWanted('bronze')) {
    note('bronze alone ...');
    measured.bronze = await runTask<BronzeResult>('./bronze.ts', prefix satisfies BronzeTask);
  }
  if (isWanted('decode')) {
    note('decoding alone ...');
    measured.decode = await runTask<DecodeResult>('./decode.ts', prefix satisfies DecodeTask);
  }
  if (isWanted('naive')) {
    note('the naive stack ...');
    measured.naive = await runTask<NaiveResult>('./naive.ts', prefix satisfies NaiveTask);
  }
  printReport(measured, terminal, call.isHottest);
  if (call.isJson && call.only === null) terminal.printJson(summarize(measured));
  return 0;
}

function logOf({ events, plan }: BenchCall): Promise<BenchLog> {
  const shipped = loadConfig([], { shippedConfigDirectory }).config.plans;
  const isClassic = plan === 'classic';
  const { rules } = readPlanFiles(isClassic ? { ...shipped, rules: classicRules } : shipped);
  const options = { ...usualBenchLog, events, ...(isClassic ? { duplicateWindowMs: classicDuplicateWindowMs } : {}) };
  const { encoder } = makeEventCodec('binary');
  const tools = { encoder, clock: systemClock, cacheDir };
  return benchLog(
    options,
    rules.map(({ rule }) => rule),
    tools,
  );
}

/** Null = help is wanted. */
function readCall(args: readonly string[]): BenchCall | null {
  const { values } = parseFlags(args);
  if (values.help) return null;
  const events = Number((values.events ?? String(usualBenchLog.events)).replaceAll('_', ''));
  // Opening spend alone is five events a campaign.
  if (!Number.isInteger(events) || events < 150_000 || events > 50_000_000)
    throw new EngineError(
      'USAGE',
      `--events must be a whole number from 150,000 to 50,000,000, got "${values.events}"`,
    );
  const only = parts.find((part) => part === values.only) ?? null;
  if (values.only !== undefined && only === null)
    throw new EngineError('USAGE', `--only must be one of ${parts.join(', ')}, got "${values.only}"`);
  const plan = plans.find((name) => name === (values.plan ?? 'shipped'));
  if (plan === undefined)
    throw new EngineError('USAGE', `--plan must be one of ${plans.join(', ')}, got "${values.plan}"`);
  return { events, isJson: values.json ?? false, only, plan, isHottest: values.hottest ?? false };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        events: { type: 'string' },
        only: { type: 'string' },
        plan: { type: 'string' },
        hottest: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new EngineError('USAGE', `${(cause as Error).message}; see "npm run bench -- --help"`, { cause });
  }
}

const args = process.argv.slice(2);
const terminal = new Terminal(process.stdout, process.stderr, process.env);
try {
  process.exitCode = await run(args, terminal);
} catch (error) {
  process.exitCode = reportError(error, terminal, args.includes('--json'));
}
