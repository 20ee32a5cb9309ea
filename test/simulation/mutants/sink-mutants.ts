import type { OutputChunk, Sink } from '../../../src/sinks/sink.ts';
import type { Mutant } from './mutant.ts';

/** What delivery or a sink could get wrong. */
export const sinkMutants: readonly Mutant[] = [
  {
    name: 'acknowledge_before_delivery',
    bug: 'chunks count as delivered when they are sent, not when the sink has them',
    sink: (sink) => bound(sink, (chunks) => void sink.deliver(chunks).catch(() => undefined)),
  },
  {
    name: 'failure_taken_for_success',
    bug: 'what the warehouse answers is not looked at',
    sink: (sink) =>
      sink.name === 'clickhouse' ? bound(sink, (chunks) => sink.deliver(chunks).catch(() => undefined)) : sink,
  },
  {
    name: 'insert_token_of_the_seq',
    bug: 'a chunk whose lane and seq were inserted before is dropped, whatever it holds',
    sink: (sink, { memory }) =>
      sink.name === 'clickhouse' ? bound(sink, (chunks) => deliverNew(sink, chunks, memory)) : sink,
  },
  {
    name: 'oldest_dropped_at_the_bound',
    bug: 'under pressure the oldest output makes room',
    sink: (sink) =>
      bound(sink, (chunks) => (bytesOf(chunks) > 4_000 ? sink.deliver(chunks.slice(1)) : sink.deliver(chunks))),
  },
  {
    name: 'records_without_memory',
    bug: 'a record sink appends what it is given, known or not',
    topic: (topic) => ({
      append: (partition, records) => topic.append(partition, records),
      lastValue: async (partition) => {
        await topic.lastValue(partition);
        return null;
      },
    }),
  },
  {
    name: 'late_rows_not_sent',
    bug: 'late events are counted and dropped',
    sink: (sink) =>
      bound(sink, (chunks) =>
        sink.deliver(
          chunks.map((chunk) => ({
            ...chunk,
            streams: chunk.streams.filter(({ stream }) => stream !== 'late_events'),
          })),
        ),
      ),
  },
];

function bound(sink: Sink, deliver: (chunks: readonly OutputChunk[]) => Promise<void> | void): Sink {
  return {
    name: sink.name,
    streams: sink.streams,
    deliver: async (chunks) => await deliver(chunks),
    laneClaimed: (lane) => sink.laneClaimed?.(lane),
    check: () => sink.check(),
    close: () => sink.close(),
  };
}

async function deliverNew(sink: Sink, chunks: readonly OutputChunk[], memory: Map<string, unknown>): Promise<void> {
  const tokenOf = ({ lane, seq }: OutputChunk) => `inserted ${lane} ${seq}`;
  await sink.deliver(chunks.filter((chunk) => !memory.has(tokenOf(chunk))));
  for (const chunk of chunks) memory.set(tokenOf(chunk), true);
}

function bytesOf(chunks: readonly OutputChunk[]): number {
  return chunks.reduce((sum, { streams }) => sum + streams.reduce((bytes, part) => bytes + part.bytes.length, 0), 0);
}
