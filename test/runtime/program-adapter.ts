import { systemClock } from '../../src/control/system-clock.ts';
import { EngineError } from '../../src/model/errors.ts';
import { allLanes } from '../../src/runtime/fixed-assignment.ts';
import type { ProgramParts } from '../../src/runtime/program-worker.ts';
import { defaultRunnerSettings } from '../../src/runtime/runner-options.ts';
import { TableStore } from '../../src/runtime/table-store.ts';
import { BronzeLane } from '../../src/topology/bronze-topology.ts';
import { MemoryLog, MemoryStore, makeDecoder } from './bronze-doubles.ts';

export async function openProgram(
  settings: unknown,
  { onChange }: { onChange(): void },
): Promise<ProgramParts<{ records: number; commits: number }>> {
  const { records, isBroken, failsAtCommit } = settings as {
    records: number;
    isBroken?: boolean;
    failsAtCommit?: boolean;
  };
  if (isBroken) throw new EngineError('GENERATION_MISMATCH', 'another stream');
  const store = new MemoryStore();
  if (failsAtCommit) {
    store.commit = async () => {
      throw new EngineError('BRONZE_ROLLED_BACK', 'set back');
    };
  }
  const table = new TableStore(store, onChange);
  // Looked at while the program opens, so that something changes before it is open.
  await table.open();
  return {
    runner: {
      source: new MemoryLog([records]),
      decoder: makeDecoder(),
      store: table,
      sinks: [],
      clock: systemClock,
      assignment: allLanes(1),
      entropy: { token: () => 'token' },
      programFactory: () => new BronzeLane({ commitBytes: 1e9, commitRecords: 1e9 }),
      settings: {
        ...defaultRunnerSettings,
        generation: 0,
        tickValue: null,
        commitIntervalMs: 60_000,
        commitBytesMax: 1e9,
        commitsTogether: true,
      },
    },
    stats: () => ({ records: store.rows.length, commits: store.commits.length }),
    close: async () => {},
  };
}
