import { EngineError } from '../../src/model/errors.ts';
import type { WallTimeMs } from '../../src/model/time.ts';
import type { BronzeParts } from '../../src/runtime/bronze-worker.ts';
import { allLanes } from '../../src/runtime/fixed-assignment.ts';
import { MemoryLog, MemoryStore, makeDecoder } from './bronze-doubles.ts';

export async function openBronze(settings: unknown): Promise<BronzeParts> {
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
  return {
    topology: {
      source: new MemoryLog([records]),
      decoder: makeDecoder(),
      store,
      clock: { wallMs: () => 0 as WallTimeMs, steadyMs: () => 0, sleep: async () => {} },
      assignment: allLanes(1),
      commitIntervalMs: 60_000,
      commitBytes: 1e9,
      commitRecords: 1e9,
    },
    stats: () => {
      const none = { conflicts: 0, unknown: 0, fenced: 0, files: 0, bytes: 0, snapshots: 0 };
      return { ...none, location: 'memory', records: store.rows.length, commits: store.commits.length };
    },
    close: async () => {},
  };
}
