import type { TableMetadata } from '../format/table-metadata.ts';
import type { IdSource } from '../storage/id-source.ts';
import { type ProducerOptions, SnapshotProducer } from './snapshot-producer.ts';

/** Table property that every erasure sets anew, in whatever table a job might still bring rows to. */
const erasureKey = 'paceline.erasure';

/** Which erasure a table has seen last; undefined = none. What was read before another one may not come in. */
export function erasureMark({ properties }: Pick<TableMetadata, 'properties'>): string | undefined {
  return properties[erasureKey];
}

/** The properties that make it so. */
export function erasureMarks(ids: IdSource): Readonly<Record<string, string>> {
  return { [erasureKey]: ids.uuid() };
}

/**
 * Tells every job that has looked at a table that what it read is older than an erasure: what it commits from now on is
 * refused, and it looks again. By a snapshot without a change, for a REST catalog compares nothing else. Call it once
 * the erased rows can no longer be read where jobs read them, and before looking for those that came in.
 */
export async function markErasure(options: ProducerOptions): Promise<void> {
  const marks = erasureMarks(options.ids);
  const change = { operation: 'replace', added: [], specId: 0 } as const;
  await new SnapshotProducer(options).commit({ ...change, marks: () => marks, check: () => 'go' });
}
