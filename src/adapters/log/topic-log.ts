import type { Clock } from '../../model/time.ts';
import type { RecordLog } from '../../sinks/records/record-log-sink.ts';
import { openRecordedLog, type RecordedLog } from '../../sources/recorded/recorded-log.ts';

/** A topic of results in the embedded log: one JSON object a line, so that `tail -f` can read it. */
export async function openTopicLog(options: {
  readonly dir: string;
  readonly topic: string;
  readonly partitions: number;
  readonly clock: Clock;
}): Promise<RecordLog & { close(): Promise<void> }> {
  const log = await openRecordedLog({ ...options, mode: 'live', encoding: 'jsonl' });
  return {
    async append(partition, records) {
      const now = options.clock.wallMs();
      for (const { key, value } of records) log.add(partition, now, key, value);
      await log.flush();
    },
    lastValue: (partition) => lastValue(log, partition),
    close: () => log.close(),
  };
}

async function lastValue(log: RecordedLog, partition: number): Promise<Uint8Array | null> {
  const { start, end } = await log.bounds(partition);
  if (end === start) return null;
  let last: Uint8Array | null = null;
  for await (const run of log.readBack(partition, end - 1, end)) {
    const at = run.count - 1;
    if (at >= 0 && run.valueStarts[at] >= 0) last = run.bytes.slice(run.valueStarts[at], run.valueEnds[at]);
  }
  return last;
}
