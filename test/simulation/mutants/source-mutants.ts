import type { Decoder } from '../../../src/decoders/decoder.ts';
import type { EventBatch } from '../../../src/events/event-batch.ts';
import { kind } from '../../../src/events/kinds.ts';
import type { RecordRun } from '../../../src/events/record-run.ts';
import type { LogTimeMs, TimeColumn } from '../../../src/model/time.ts';
import type { Source } from '../../../src/sources/source.ts';
import type { Mutant } from './mutant.ts';

/** What a source or a decoder could get wrong. */
export const sourceMutants: readonly Mutant[] = [
  {
    name: 'resume_from_end',
    bug: 'reading resumes where the log ends ("latest"), not where the state ends',
    source: (source) => ({
      ...bound(source),
      seek: async (partition) => source.seek(partition, (await source.bounds(partition)).end),
    }),
  },
  {
    name: 'resume_one_late',
    bug: 'reading resumes one offset after the committed one',
    source: (source) => ({
      ...bound(source),
      seek: async (partition, offset) => {
        const { end } = await source.bounds(partition);
        return source.seek(partition, offset === 0 ? 0 : Math.min(end, offset + 1));
      },
    }),
  },
  {
    name: 'tail_not_read_back',
    bug: 'the memory of duplicates starts empty after a restore',
    source: (source) => ({ ...bound(source), async *readBack() {} }),
  },
  {
    name: 'gaps_closed',
    bug: 'offsets are counted from the first of a run, as if no offset were ever skipped',
    source: (source) => ({
      ...bound(source),
      async poll(partition, max) {
        const run = await source.poll(partition, max);
        if (run === null || run.count === 0) return run;
        return { ...run, offsets: run.offsets.map((_, i) => run.offsets[0] + i) };
      },
    }),
  },
  {
    name: 'wall_clock_for_log_time',
    bug: 'a record is as old as its reader finds it, not as the log stamped it',
    source: (source, { log, process }) => ({
      ...bound(source),
      async poll(partition, max) {
        const run = await source.poll(partition, max);
        const now = log.stamp();
        return run && process.random.chance(0.2)
          ? { ...run, logTimes: run.logTimes.map(() => now) as TimeColumn<LogTimeMs> }
          : run;
      },
    }),
  },
  {
    name: 'clock_jump_clamped',
    bug: 'the clock moves ten minutes at most with one run, however long nobody ticked',
    source: (source, { memory }) => ({
      ...bound(source),
      async poll(partition, max) {
        const run = await source.poll(partition, max);
        return run && { ...run, logTimes: clamp(run, memory, partition) };
      },
    }),
  },
  {
    name: 'future_event_moves_clock',
    bug: 'an event ahead of time pushes the clock forward',
    decoder: (decoder) =>
      wrapped(decoder, (batch) => {
        for (let row = 0; row < batch.count; row++) {
          if (batch.kinds[row] === kind.impression) {
            batch.logTimes[row] = Math.max(batch.logTimes[row], batch.eventTimes[row]) as LogTimeMs;
          }
        }
      }),
  },
  {
    name: 'bad_record_skipped',
    bug: 'a record that cannot be read is skipped without a dead letter',
    decoder: (decoder) =>
      wrapped(decoder, (batch) => {
        for (const { row } of batch.rejects) batch.kinds[row] = kind.tick;
        batch.rejects.length = 0;
      }),
  },
  {
    name: 'epoch_not_kept',
    bug: 'the state does not remember which leader appended what it has read, so a restart takes a cut log for the old one',
    source: (source) => ({ ...bound(source), seek: (partition, offset) => source.seek(partition, offset) }),
  },
  {
    name: 'cut_not_noticed',
    bug: 'fetches do not say which leader appended what was read before',
    ignoresEpochs: true,
  },
  {
    name: 'damaged_batch_skipped',
    bug: 'a batch that does not unpack is stepped over',
    source: (source) => ({
      ...bound(source),
      async poll(partition, max) {
        const run = await source.poll(partition, max);
        return run === null || run.unreadable === null ? run : await source.poll(partition, max);
      },
    }),
  },
  {
    name: 'damaged_batch_taken_for_gap',
    bug: 'a batch that does not unpack counts as one that compaction has emptied',
    source: (source) => ({
      ...bound(source),
      async poll(partition, max) {
        const run = await source.poll(partition, max);
        if (run === null || run.unreadable === null) return run;
        return { ...run, count: 0, gaps: run.gaps + run.unreadable.offsets, unreadable: null };
      },
    }),
  },
  {
    name: 'damaged_batch_read_for_ever',
    bug: 'a batch that does not unpack is tried again without end',
    source: (source) => ({
      ...bound(source),
      async poll(partition, max) {
        const run = await source.poll(partition, max);
        if (run === null || run.unreadable === null) return run;
        await source.seek(partition, run.offsets[0]);
        return null;
      },
    }),
  },
  {
    name: 'poison_ends_the_process',
    bug: 'a record over which the decoder stumbles throws',
    decoder: (decoder) => ({
      decode(run, batch) {
        const missing = decoder.decode(run, batch);
        if (batch.rejects.some(({ row }) => run.valueEnds[row] - run.valueStarts[row] > 30_000))
          throw new RangeError('Maximum call stack size exceeded');
        return missing;
      },
      learn: (schemaId) => decoder.learn(schemaId),
    }),
  },
  {
    name: 'topic_recreated',
    bug: 'nobody looks whether the topic is still the one that the state belongs to',
    admitsAnyStream: true,
  },
];

function clamp({ logTimes }: RecordRun, memory: Map<string, unknown>, partition: number): TimeColumn<LogTimeMs> {
  const name = `clock ${partition}`;
  let clock = (memory.get(name) as number | undefined) ?? logTimes[0] ?? 0;
  const clamped = logTimes.map((time) => Math.min(time, clock + 600_000));
  for (const time of clamped) clock = Math.max(clock, time);
  memory.set(name, clock);
  return clamped as TimeColumn<LogTimeMs>;
}

function wrapped(decoder: Decoder, spoil: (batch: EventBatch) => void): Decoder {
  return {
    decode(run, batch) {
      const missing = decoder.decode(run, batch);
      if (missing < 0) spoil(batch);
      return missing;
    },
    learn: (schemaId) => decoder.learn(schemaId),
  };
}

function bound(source: Source): Source {
  return {
    topic: source.topic,
    identity: () => source.identity(),
    poll: (...args) => source.poll(...args),
    seek: (...args) => source.seek(...args),
    readBack: (...args) => source.readBack(...args),
    bounds: (partition) => source.bounds(partition),
    append: (...args) => source.append(...args),
    waitForRecords: (...args) => source.waitForRecords(...args),
    close: () => source.close(),
  };
}
