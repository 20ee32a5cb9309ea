import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ConfigError, type Problem } from '../../control/config/problem.ts';
import { EngineError } from '../../model/errors.ts';
import { readTextFile } from '../../model/read-text.ts';
import { readPlanFiles, readRules } from '../../plans/plan-files.ts';
import { readRule } from '../../plans/rule-file.ts';
import type { Candidate, CandidateRule } from '../../replay/backtest/candidate.ts';
import { type Comparison, compareVerdicts } from '../../replay/backtest/compare.ts';
import { type Bound, checkBound, figureOf, readBound } from '../../replay/backtest/fail-if.ts';
import { backtestPage } from '../../replay/backtest/page.ts';
import type { LaneVerdicts } from '../../replay/backtest/play-lane.ts';
import { backtestJson, backtestLines, type ReportLine } from '../../replay/backtest/report.ts';
import { mergeVerdicts, type Period } from '../../replay/backtest/verdict.ts';
import type { BacktestThread, FromThread } from './backtest-worker.ts';
import { type History, openHistory } from './open-history.ts';

/** What came of a backtest, and how it is told. */
export class BacktestResult {
  readonly records: number;
  readonly lanes: number;
  /** Lanes whose history has lost its beginning. */
  readonly cutLanes: number;
  readonly #comparison: Comparison;
  /** What was asked for, else from the first to the last record. */
  readonly #period: Period;

  constructor(comparison: Comparison, period: Period, counts: { records: number; lanes: number; cutLanes: number }) {
    this.#comparison = comparison;
    this.#period = period;
    this.records = counts.records;
    this.lanes = counts.lanes;
    this.cutLanes = counts.cutLanes;
  }

  json(): Record<string, unknown> {
    return backtestJson(this.#comparison, this.#period);
  }

  lines(changesMax: number): ReportLine[] {
    return backtestLines(this.#comparison, this.#period, changesMax);
  }

  page(title: string): string {
    return backtestPage(this.#comparison, this.#period, title);
  }

  broken(bounds: readonly Bound[]): { bound: string; value: number }[] {
    const all = bounds.map((bound) => ({
      bound: bound.text,
      value: figureOf(bound, this.#comparison),
      isBroken: bound.isBroken,
    }));
    return all.filter(({ value, isBroken }) => isBroken(value)).map(({ bound, value }) => ({ bound, value }));
  }
}

/** Throws USAGE for what is no bound. */
export function readBounds(texts: readonly string[]): Bound[] {
  return texts.map(readBound);
}

interface BacktestOptions {
  readonly threads: number | null;
  readonly bounds: readonly Bound[];
  readonly signal: AbortSignal;
  onProgress(records: number, total: number): void;
}

/** Plays every lane of a history twice, on as many threads as there are cores and lanes. Changes nothing anywhere. */
export async function runBacktest(thread: BacktestThread, options: BacktestOptions): Promise<BacktestResult> {
  const extents = await extentsOf(thread);
  const counts = extents.map(({ records }) => records);
  const total = counts.reduce((sum, each) => sum + each, 0);
  // The largest first, so that no thread is left alone with it in the end.
  const queue = counts
    .flatMap((count, partition) => (count > 0 ? [partition] : []))
    .sort((a, b) => counts[b] - counts[a]);
  if (queue.length === 0) throw new EngineError('USAGE', 'there are no records to play');
  const threads = Math.min(queue.length, options.threads ?? availableParallelism());
  const lanes: LaneVerdicts[] = [];
  let records = 0;
  const onProgress = (more: number) => {
    records += more;
    options.onProgress(records, total);
  };
  const pool = Array.from({ length: threads }, () =>
    playLanes(thread, queue, { lanes, onProgress, signal: options.signal }),
  );
  await Promise.all(pool.map(({ done }) => done)).finally(() => Promise.all(pool.map(({ stop }) => stop())));
  if (lanes.every(({ plans }) => plans === 0))
    throw new EngineError(
      'USAGE',
      'the history holds no plan up to there: nothing was judged, and nothing stands where a candidate could',
    );
  const rules = [...new Set(lanes.flatMap((lane) => lane.rules))].sort();
  for (const bound of options.bounds) checkBound(bound, rules);
  const comparison = compareVerdicts(
    mergeVerdicts(lanes.map(({ inForce }) => inForce)),
    mergeVerdicts(lanes.map(({ candidate }) => candidate)),
  );
  return new BacktestResult(comparison, shownPeriod(thread.period, lanes), {
    records,
    lanes: lanes.length,
    cutLanes: extents.filter(({ isWhole }) => !isWhole).length,
  });
}

async function extentsOf({ place }: BacktestThread): Promise<Awaited<ReturnType<History['extent']>>[]> {
  const history = await openHistory(place);
  try {
    return await Promise.all(Array.from({ length: history.partitions }, (_, partition) => history.extent(partition)));
  } finally {
    await history.close();
  }
}

interface Progress {
  readonly lanes: LaneVerdicts[];
  readonly signal: AbortSignal;
  onProgress(records: number): void;
}

/** A thread that takes lanes from the queue until it is empty. */
function playLanes(thread: BacktestThread, queue: number[], { lanes, onProgress, signal }: Progress) {
  const worker = new Worker(new URL('./backtest-worker.ts', import.meta.url), { workerData: thread });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const next = () => {
    const partition = queue.shift();
    if (partition === undefined) resolve();
    else worker.postMessage(partition);
  };
  worker.on('message', (message: FromThread) => {
    if (message.type === 'progress') onProgress(message.records);
    else if (message.type === 'failed') reject(failureOf(message));
    else {
      lanes.push(message.verdicts);
      next();
    }
  });
  worker.on('error', reject);
  const onAbort = () => reject(new EngineError('USAGE', 'stopped; nothing was changed'));
  signal.addEventListener('abort', onAbort, { once: true });
  next();
  const stop = async () => {
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  };
  return { done: promise, stop };
}

function failureOf({ message, code }: FromThread & { type: 'failed' }): Error {
  return code === null ? new Error(message) : new EngineError(code, message);
}

function shownPeriod({ fromMs, toMs }: Period, lanes: readonly LaneVerdicts[]): Period {
  const played = lanes.flatMap(({ played }) => (played === null ? [] : [played]));
  const first = Math.min(...played.map(([firstMs]) => firstMs));
  const last = Math.max(...played.map(([, lastMs]) => lastMs));
  return { fromMs: fromMs === 0 ? first : fromMs, toMs: toMs === Number.MAX_SAFE_INTEGER ? last : toMs };
}

/** Reads what is tried; throws a ConfigError with every mistake, and USAGE for paths that are none. */
export function readCandidate({
  rules,
  organizations,
}: {
  rules: readonly string[];
  organizations: string | null;
}): Candidate {
  if (rules.length === 0 && organizations === null)
    throw new EngineError('USAGE', 'say what to try: --rules DIR or FILE, or --organizations FILE');
  const problems: Problem[] = [];
  const directories = rules.filter(isDirectory);
  const list: CandidateRule[] = rules.flatMap((path) =>
    isDirectory(path) ? readRules(path, problems) : readOne(path, problems),
  );
  const ids = list.map(({ rule }) => rule.id);
  const twin = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twin !== undefined && problems.length === 0)
    throw new EngineError('USAGE', `--rules names the rule "${twin}" twice`);
  // With the rules of a directory, settings are checked together with them.
  const settings = organizations === null ? null : readSettings(organizations, directories[0], problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    rules:
      rules.length === 0
        ? null
        : {
            replace: directories.length > 0 ? 'all' : 'some',
            list: list.map(({ rule, organizations }) => ({ rule, organizations })),
          },
    settings,
  };
}

function readSettings(file: string, rules: string | undefined, problems: Problem[]): Candidate['settings'] {
  try {
    const { drafts } = readPlanFiles({ organizations: file, rules: rules ?? null });
    return drafts.map(({ rules: _rules, format: _format, ...settings }) => settings);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return null;
  }
}

function readOne(file: string, problems: Problem[]): CandidateRule[] {
  const { read, problems: found } = readRule(file, readTextFile(file));
  problems.push(...found);
  return read === undefined ? [] : [read];
}

function isDirectory(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new EngineError('USAGE', `${path} does not exist`);
  return found.isDirectory();
}
