import type { TableState } from '../catalog/catalog.ts';
import type { DataFile } from '../format/manifest.ts';
import type { Snapshot } from '../format/table-metadata.ts';

/** What a snapshot did, in the words of the Iceberg spec ("Snapshots", `operation`). */
type Operation = 'append' | 'replace' | 'overwrite' | 'delete';

/** What `check` says about a freshly loaded table before each attempt. */
export type Verdict = 'go' | 'give_up';

/** One change of a table: files that come, files that go, in one snapshot. */
export interface SnapshotChange {
  /**
   * `append` only adds. `replace` says the same rows in other files. `delete` only removes. `overwrite` does
   * both, and rows differ.
   */
  readonly operation: Operation;
  readonly added: readonly DataFile[];
  /** Files that must still be live when the change goes in; else it ends as `inputs_gone`. */
  readonly removed?: readonly DataFile[];
  /** The partition spec of `added`. */
  readonly specId: number;
  /**
   * Age of the rows in `added`, for a `replace`: the highest sequence number among its inputs, so that deletes
   * which another tool commits meanwhile still apply. Absent = the new snapshot's own.
   */
  readonly rowSequenceNumber?: number;
  /** Sort the table's manifests by partition: for a `replace` that adds and removes nothing. */
  readonly isClustering?: boolean;
  /** Written into the snapshot summary and as table properties, in the commit that builds on `state`. */
  marks(state: TableState): Readonly<Record<string, string>>;
  /** Written into the summary alone: what this snapshot was made from. */
  readonly summary?: Readonly<Record<string, string>>;
  /** Called before every attempt with the table as it is now; `give_up` ends the change. */
  check(state: TableState): Verdict;
}

const isCounted = ['total-delete-files', 'total-position-deletes', 'total-equality-deletes'];

/** Counters of the snapshot summary; totals are the previous ones, with what is added and without what goes. */
export function summarize(change: SnapshotChange, parent: Snapshot | null): Record<string, string> {
  const added = countsOf(change.added);
  const removed = countsOf(change.removed ?? []);
  const total = (name: string, difference: number) => String(Number(parent?.summary?.[name] ?? 0) + difference);
  const partitions = [...change.added, ...(change.removed ?? [])].map((file) => JSON.stringify(file.partition));
  return {
    operation: change.operation,
    'added-data-files': String(added.files),
    'added-records': String(added.records),
    'added-files-size': String(added.bytes),
    ...(removed.files === 0
      ? {}
      : {
          'deleted-data-files': String(removed.files),
          'deleted-records': String(removed.records),
          'removed-files-size': String(removed.bytes),
        }),
    'changed-partition-count': String(new Set(partitions).size),
    'total-records': total('total-records', added.records - removed.records),
    'total-files-size': total('total-files-size', added.bytes - removed.bytes),
    'total-data-files': total('total-data-files', added.files - removed.files),
    ...Object.fromEntries(isCounted.map((name) => [name, total(name, 0)])),
    ...change.summary,
  };
}

function countsOf(files: readonly DataFile[]): { files: number; records: number; bytes: number } {
  return {
    files: files.length,
    records: files.reduce((sum, file) => sum + file.recordCount, 0),
    bytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
  };
}
