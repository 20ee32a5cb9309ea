import { makeEventCodec } from '../src/adapters/log/event-codec.ts';
import { EventBatch } from '../src/events/event-batch.ts';
import type { RecordRun } from '../src/events/record-run.ts';
import { limits } from '../src/model/limits.ts';
import { openPrefix, sampleRuns } from './log-prefix.ts';
import { serveTask } from './task.ts';

/** Decoding alone: record bytes in memory to validated columns, every type of the log. */
export interface DecodeTask {
  readonly logDir: string;
  /** Share of the log's runs that is decoded. */
  readonly share: number;
}

export interface DecodeResult {
  readonly records: number;
  /** Of one pass over the records, the code being warm. */
  readonly cpuSeconds: number;
  readonly rejected: number;
}

const warmPasses = 2;
const passes = 3;

await serveTask<DecodeTask>(async ({ logDir, share }) => {
  const { source } = await openPrefix(logDir, 1);
  const runs = await sampleRuns(source, Math.round(1 / share));
  const decoder = makeEventCodec('binary').makeDecoder();
  const batches = Array.from({ length: source.partitions }, () => new EventBatch(limits.batchRecordsMax));
  let rejected = 0;
  const decodeAll = async (): Promise<void> => {
    rejected = 0;
    for (const run of runs) rejected += await decode(run, batches[run.partition]);
  };
  const decode = async (run: RecordRun, batch: EventBatch): Promise<number> => {
    for (let id = decoder.decode(run, batch); id >= 0; id = decoder.decode(run, batch)) await decoder.learn(id);
    return batch.rejects.length;
  };
  for (let pass = 0; pass < warmPasses; pass++) await decodeAll();
  const before = process.cpuUsage();
  for (let pass = 0; pass < passes; pass++) await decodeAll();
  const { user, system } = process.cpuUsage(before);
  await source.close();
  const records = runs.reduce((sum, { count }) => sum + count, 0);
  const result: DecodeResult = { records, cpuSeconds: (user + system) / 1e6 / passes, rejected };
  return result;
});
