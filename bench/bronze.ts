import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { openProgram } from '../src/adapters/lake/open-bronze.ts';
import { configSchema } from '../src/adapters/settings.ts';

import { eventsTopic } from '../src/model/ids.ts';
import { createRunner } from '../src/runtime/runner.ts';
import { openPrefix, stretchOf } from './log-prefix.ts';
import { peakRssMb } from './machine.ts';
import { serveTask } from './task.ts';

/** Bronze alone, from the log on disk to committed Parquet files, as its thread in the engine runs it. */
export interface BronzeTask {
  readonly logDir: string;
  readonly cacheDir: string;
  /** Share of each partition that is read, from the middle on: the opening is one burst of old days. */
  readonly share: number;
}

export interface BronzeResult {
  readonly records: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly files: number;
  readonly bytes: number;
  readonly rssPeakMb: number;
}

await serveTask<BronzeTask>(async (task) => {
  mkdirSync(task.cacheDir, { recursive: true });
  const data = mkdtempSync(join(task.cacheDir, 'bronze-'));
  try {
    mkdirSync(join(data, 'log'));
    symlinkSync(join(task.logDir, eventsTopic), join(data, 'log', eventsTopic));
    return await measure(data, task);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});

async function measure(data: string, { logDir, share }: BronzeTask): Promise<BronzeResult> {
  const { source, ends } = await openPrefix(logDir, 1);
  const starts = ends.map((end) => Math.floor((end * (1 - share)) / 2));
  const stops = ends.map((end, partition) => starts[partition] + Math.floor(end * share));
  const config = configSchema.parse({ data_directory: data });
  const parts = await openProgram({ config, generation: 1, isNewGeneration: false }, { onChange: () => undefined });
  const failed = Promise.withResolvers<never>();
  const runner = createRunner({
    ...parts.runner,
    source: stretchOf(source, starts, stops),
    onError: (error) => failed.reject(error),
  });
  const before = process.cpuUsage();
  const startMs = performance.now();
  await runner.start();
  await Promise.race([failed.promise, runner.catchUp()]);
  const wallSeconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(before);
  await runner.stop();
  const { records, files, bytes } = parts.stats();
  await parts.close();
  await source.close();
  return { records, wallSeconds, cpuSeconds: (user + system) / 1e6, files, bytes, rssPeakMb: peakRssMb() };
}
