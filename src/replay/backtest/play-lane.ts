import type { Decoder } from '../../decoders/decoder.ts';
import type { RecordRun } from '../../events/record-run.ts';
import { recordsOfRun, runOfRecords } from '../../events/run-of-records.ts';
import { EngineError } from '../../model/errors.ts';
import { alertEvents, deadLetters, pacingSnapshots } from '../../rows/tables.ts';
import { LanePlayer, type PlayedLane } from '../lane-player.ts';
import { type Candidate, plansOf } from './candidate.ts';
import { type Period, type Verdict, VerdictMaker } from './verdict.ts';

interface LaneOfBacktest extends PlayedLane {
  /** The records of the lane, from the first one that there is. */
  runs(): AsyncIterable<RecordRun>;
}

interface BacktestOptions {
  readonly candidate: Candidate;
  readonly period: Period;
  /** A new one each time. */
  makeDecoder(): Decoder;
  /** Records since it was called last. */
  onProgress(records: number): void;
}

/** A lane judged twice: with the plans in force, and with the candidate's. */
export interface LaneVerdicts {
  readonly inForce: Verdict;
  readonly candidate: Verdict;
  /** Log times of the first and the last record that were played, ms; null = there is none. */
  readonly played: readonly [firstMs: number, lastMs: number] | null;
  /** Plans of the history that were replaced: without one, nothing is judged. */
  readonly plans: number;
  /** Ids of the rules of either side. */
  readonly rules: readonly string[];
}

/**
 * Plays a lane up to the end of the period, with the plans of its log and with the candidate's in their place,
 * from its first record on. Throws RULE_INVALID where the engine would refuse the candidate's plans.
 */
export async function backtestLane(lane: LaneOfBacktest, options: BacktestOptions): Promise<LaneVerdicts> {
  const { candidate, period, makeDecoder, onProgress } = options;
  const inForce = new Side(new LanePlayer(lane, { decoder: makeDecoder(), tables }), period);
  const plans = plansOf(candidate);
  const tried = new Side(
    new LanePlayer(lane, { decoder: makeDecoder(), tables: [...tables, deadLetters], plans }),
    period,
  );
  let firstMs: number | null = null;
  for await (const whole of lane.runs()) {
    const run = upTo(whole, period.toMs);
    if (run.count > 0) {
      firstMs ??= run.logTimes[0];
      await inForce.play(run);
      await tried.play(run);
    }
    onProgress(whole.count);
    if (run !== whole) break;
  }
  const played = firstMs === null ? null : ([firstMs, inForce.clockMs] as const);
  const { replaced, rules } = tried.chosen;
  return { inForce: inForce.verdict(), candidate: tried.verdict(), played, plans: replaced, rules: [...rules] };
}

const tables = [alertEvents, pacingSnapshots];
/** Records after which rows are taken: it decides about memory alone. */
const takeEvery = 65_536;

class Side {
  readonly #player: LanePlayer;
  readonly #maker: VerdictMaker;
  #records = 0;

  constructor(player: LanePlayer, period: Period) {
    this.#player = player;
    this.#maker = new VerdictMaker(period);
  }

  get clockMs(): number {
    return this.#player.clockMs;
  }

  get chosen(): { readonly replaced: number; readonly rules: ReadonlySet<string> } {
    return this.#player.chosen ?? { replaced: 0, rules: new Set() };
  }

  async play(run: RecordRun): Promise<void> {
    await this.#player.play(run);
    this.#records += run.count;
    if (this.#records < takeEvery) return;
    this.#records = 0;
    this.#take();
  }

  verdict(): Verdict {
    this.#take();
    return this.#maker.verdict();
  }

  #take(): void {
    for (const row of this.#player.take(pacingSnapshots)) this.#maker.snapshot(row);
    for (const row of this.#player.take(alertEvents)) this.#maker.alert(row);
    const refused = this.#player.take(deadLetters, ['key', 'raw']).find(({ reason }) => reason === 'bad_plan');
    if (refused !== undefined)
      throw new EngineError('RULE_INVALID', `the engine would refuse the plan of ${refused.org_id}: ${refused.detail}`);
  }
}

/** The records before an instant; the run itself where that is all of it. */
function upTo(run: RecordRun, toMs: number): RecordRun {
  let count = 0;
  while (count < run.count && run.logTimes[count] < toMs) count += 1;
  if (count === run.count) return run;
  return runOfRecords(run.topic, run.partition, recordsOfRun(run).slice(0, count));
}
