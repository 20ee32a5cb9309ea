import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { recordRun } from '../decoders/record-run.ts';
import { type Drive, driveLane } from '../operators/run-lane.ts';
import type { LogRecord } from '../oracle/events.ts';
import { type TableRows, tableRows } from '../oracle/rows.ts';

/** Ways to run a log; what comes out must be the same. */
export const drives: Readonly<Record<string, Drive>> = {
  whole: { batch: () => Number.POSITIVE_INFINITY, commits: () => false, crashes: () => false },
  'in batches of one': { batch: () => 1, commits: () => true, crashes: () => false },
  'killed after every commit': { batch: () => 7, commits: () => true, crashes: () => true },
};

/** Raw records through the decoder and a lane; tables as FINAL shows them. */
export function runScenario(records: readonly LogRecord[], drive: Drive): TableRows {
  const decoder = createDecoder(new EmbeddedRegistry());
  const final = driveLane(records, drive, (batch, part) => {
    const run = recordRun(part);
    const missing = decoder.decode(run, batch);
    if (missing >= 0) throw new Error('scenarios are written in JSON');
    return run;
  });
  return tableRows(final);
}
