import type { Config } from '../control/config/settings.ts';
import { produceFile } from '../sources/simulator/produce-file.ts';
import { openDataDirectory } from '../state/data-directory.ts';
import { openEventLog, type VisitContext } from './visits.ts';

/** Appends the records of a JSON-lines file to the log of a directory that no engine runs on. */
export async function produceFileInto(
  path: string,
  config: Config,
  { clock }: VisitContext,
  onProgress: (records: number) => void,
): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await openDataDirectory(config.data_directory, { clock }), (opened) => opened.close());
  const log = stack.adopt(await openEventLog(config, directory, clock), (opened) => opened.close());
  const { mode } = await log.identity();
  const defaultLogTimeMs = (): number => clock.wallMs();
  return await produceFile(path, log, { onProgress, ...(mode === 'live' ? { defaultLogTimeMs } : {}) });
}
