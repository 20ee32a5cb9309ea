import type { Catalog, TableName } from '../catalog/catalog.ts';
import { fullName } from '../catalog/catalog.ts';
import type { PartitionValue } from '../format/schema.ts';
import { specById } from '../format/table-metadata.ts';
import { filesOfPartitions, overwritePartitions } from '../operations/overwrite-partitions.ts';
import type { ProducerOptions } from '../operations/snapshot-producer.ts';

interface ExpireOptions extends Omit<ProducerOptions, 'catalog'> {
  readonly catalog: Catalog;
  readonly tables: readonly TableName[];
  /** How long days of an organization stay in a table after they are over; null = for good. */
  lakeDaysOf(table: string, org: string): number | null;
  readonly isDryRun: boolean;
}

/** What went, or would go, from a table. */
export interface ExpiredFiles {
  readonly table: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

const dayMs = 86_400_000;

/**
 * Deletes whole partitions of an organization's days or months that are older than they are kept. Their bytes go when
 * the snapshots that reach them expire. Tables must be partitioned by organization and day or month.
 */
export async function expireLayers(options: ExpireOptions): Promise<ExpiredFiles[]> {
  const { catalog, io, nowMs, lakeDaysOf, isDryRun } = options;
  const reports: ExpiredFiles[] = [];
  for (const name of options.tables) {
    const table = catalog.table(name);
    const state = await table.load();
    if (state === null) continue;
    const spec = specById(state.metadata, state.metadata['default-spec-id']);
    const [, period] = spec.fields;
    if (spec.fields.length !== 2 || spec.fields[0].name !== 'org_id' || period.transform === 'identity') continue;
    const endMs = (value: number) => (period.transform === 'day' ? (value + 1) * dayMs : Date.UTC(1970, value + 1, 1));
    const includes = ([org, value]: readonly PartitionValue[]): boolean => {
      const days = lakeDaysOf(fullName(name), String(org));
      return days !== null && nowMs() - endMs(Number(value)) >= days * dayMs;
    };
    const due = await filesOfPartitions({ io }, state, includes);
    if (due.length === 0) continue;
    const paths = new Set(due.map(({ path }) => path));
    const summary = { 'paceline.expired': fullName(name) };
    const isGone =
      isDryRun ||
      (await overwritePartitions(
        { ...options, catalog: table },
        { spec, includes, added: [], summary, seen: paths, since: state },
      )) === 'written';
    if (!isGone) continue;
    const sum = (of: (file: (typeof due)[number]) => number) => due.reduce((total, file) => total + of(file), 0);
    reports.push({
      table: fullName(name),
      files: due.length,
      rows: sum(({ recordCount }) => recordCount),
      bytes: sum(({ sizeBytes }) => sizeBytes),
    });
  }
  return reports;
}
