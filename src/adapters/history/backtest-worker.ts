import { parentPort, workerData } from 'node:worker_threads';
import { assert, EngineError, type ErrorCode } from '../../model/errors.ts';
import type { Candidate } from '../../replay/backtest/candidate.ts';
import { backtestLane, type LaneVerdicts } from '../../replay/backtest/play-lane.ts';
import type { Period } from '../../replay/backtest/verdict.ts';
import { type HistoryPlace, openHistory } from './open-history.ts';

/** What a thread of a backtest is started with; lanes come as messages, one number each. */
export interface BacktestThread {
  readonly place: HistoryPlace;
  readonly candidate: Candidate;
  readonly period: Period;
  readonly planKey: string | null;
}

export type FromThread =
  | { readonly type: 'progress'; readonly records: number }
  | { readonly type: 'done'; readonly partition: number; readonly verdicts: LaneVerdicts }
  | { readonly type: 'failed'; readonly message: string; readonly code: ErrorCode | null };

/** Records between two messages of progress. */
const progressEvery = 50_000;

if (parentPort !== null) {
  const port = parentPort;
  const thread = workerData as BacktestThread;
  const say = (message: FromThread) => port.postMessage(message);
  const history = openHistory(thread.place);
  port.on('message', (partition: number) => {
    playLane(partition).then(
      (verdicts) => say({ type: 'done', partition, verdicts }),
      (error: unknown) => {
        const code = error instanceof EngineError ? error.code : null;
        say({
          type: 'failed',
          message:
            error instanceof Error ? (code === null ? (error.stack ?? error.message) : error.message) : String(error),
          code,
        });
      },
    );
  });

  const playLane = async (partition: number): Promise<LaneVerdicts> => {
    const { partitions, runs, makeDecoder } = bound(await history);
    assert(partition < partitions, `lane ${partition} is one of ${partitions}`);
    let waiting = 0;
    const lane = { partition, partitions, generation: 1, planKey: thread.planKey };
    const verdicts = await backtestLane(
      { ...lane, runs: () => runs(partition, thread.period.toMs) },
      {
        candidate: thread.candidate,
        period: thread.period,
        makeDecoder,
        onProgress: (records) => {
          waiting += records;
          if (waiting < progressEvery) return;
          say({ type: 'progress', records: waiting });
          waiting = 0;
        },
      },
    );
    say({ type: 'progress', records: waiting });
    return verdicts;
  };
}

function bound(history: Awaited<ReturnType<typeof openHistory>>) {
  return {
    partitions: history.partitions,
    runs: (partition: number, toMs: number) => history.runs(partition, toMs),
    makeDecoder: () => history.makeDecoder(),
  };
}
