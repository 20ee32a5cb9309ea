import { join } from 'node:path';
import { openEmbeddedTables } from '../../src/adapters/tables.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { compareDirectory, type Expected, type Findings } from './compare-directory.ts';
import { EngineProcess } from './engine-process.ts';

/** Lets an engine work the log off to its end, undisturbed; how long it took, ms. */
export async function runUntilEnd(directory: string, logPath: string): Promise<number> {
  const engine = EngineProcess.run(directory, { flags: ['--until-end'], logPath });
  await engine.announced();
  const start = performance.now();
  const { code, signal } = await engine.ended;
  if (code !== 0) throw new Error(`the engine ended with ${signal ?? code}: ${engine.lastWords()}`);
  return performance.now() - start;
}

/** Opens the tables that no engine holds any more and compares everything with the fold. */
export async function compareSettled(directory: string, expected: Expected, withBronze = true): Promise<Findings> {
  const log = makeLogger({ level: 'error', clock: systemClock });
  const tables = await openEmbeddedTables(
    { dir: join(directory, 'clickhouse'), port: 0, readers: null },
    { clock: systemClock, log },
  );
  try {
    return await compareDirectory(directory, expected, { endpoint: tables.reader, withBronze });
  } finally {
    await tables.close();
  }
}
