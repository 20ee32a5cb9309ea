import { AddressedLog } from '../../src/adapters/records/event-log.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { partitionOfKey } from '../../src/model/hash.ts';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';
import type { EventLog } from '../../src/serving/ports.ts';
import { openRecordedLog, type RecordedLog } from '../../src/sources/recorded/recorded-log.ts';

/** The log of a shop: a real one on disk, of three partitions, written by this process. */
export interface SmallLog {
  readonly log: EventLog;
  readonly written: RecordedLog;
  partitionOf(orgId: string): number;
  /** Appends a value, as a producer does; `partition` where it is not that of the key. */
  put(key: string | null, value: string | Uint8Array | null, partition?: number): Promise<number>;
  close(): Promise<void>;
}

export const topic = 'ads.events.v1';

export async function openSmallLog(directory: string, nowMs: () => number): Promise<SmallLog> {
  const clock: Clock = {
    ...systemClock,
    wallMs: () => nowMs() as WallTimeMs,
    steadyMs: systemClock.steadyMs,
    sleep: systemClock.sleep,
  };
  const written = await openRecordedLog({
    ...{ dir: `${directory}/log`, topic, partitions: 3, mode: 'live', encoding: 'binary', clock },
  });
  const overrides = { data_directory: directory, bronze: { enabled: false } };
  const { config } = loadConfig([], { shippedConfigDirectory: `${import.meta.dirname}/../../config`, overrides });
  const logger = makeLogger({ level: 'silent', clock });
  const log = new AddressedLog(config, { clock, log: logger, writer: written });
  const partitionOf = (orgId: string) => partitionOfKey(Buffer.from(orgId), 0, Buffer.byteLength(orgId), 3);
  return {
    ...{ log, written, partitionOf },
    async put(key, value, partition = partitionOf(key ?? '')) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      const offset = written.add(partition, nowMs(), key === null ? null : Buffer.from(key), bytes);
      await written.flush();
      return offset;
    },
    async close() {
      await log[Symbol.asyncDispose]();
      await written.close();
    },
  };
}
