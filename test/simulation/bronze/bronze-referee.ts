import {
  entryStatus,
  type ManifestEntry,
  type ManifestFile,
  readManifest,
  readManifestList,
} from '../../../src/lakehouse/format/manifest.ts';
import {
  currentSnapshot,
  type Snapshot,
  snapshotById,
  type TableMetadata,
} from '../../../src/lakehouse/format/table-metadata.ts';
import { offsetsKey } from '../../../src/lakehouse/layers/bronze/recorded-offsets.ts';
import type { SimulatedLog } from '../simulated-log.ts';
import { contentOf, type FileRow, readRowFile } from './row-files.ts';
import type { ObjectServer } from './simulated-objects.ts';

/** Every promise that a bronze world watches; each can be switched off, to see that it is not idle. */
export const bronzeChecks = {
  contiguous: 'every commit adds the records between the old and the new offsets, all of them, each once',
  agree: 'the summary of a commit and the property of the table name the same offsets',
  whole: 'whatever a snapshot points at is there, and whole',
  table: 'in the end the table holds every record of the log once, as the log holds it',
  caught_up: 'soon after the faults the table reaches the end of the log',
  stopped: 'no fault makes bronze give up',
  cut: 'a partition whose log lost what the table holds is read no further, and says so',
  refused: 'a table that was set back, and a topic that was made anew, stop bronze before it writes',
} as const;
export type BronzeCheck = keyof typeof bronzeChecks;

export interface BronzeViolation {
  readonly check: BronzeCheck;
  readonly atMs: number;
  readonly text: string;
}

export interface BronzeRefereeOptions {
  readonly log: SimulatedLog;
  readonly objects: ObjectServer;
  readonly nowMs: () => number;
  /** Checks that are not made. */
  readonly without: readonly BronzeCheck[];
}

type Ends = ReadonlyMap<number, number>;

/** Watches the table from outside and writes down every promise that breaks. */
export class BronzeReferee {
  readonly violations: BronzeViolation[] = [];
  commits = 0;
  /** Appends may come no more: whoever makes one missed what a person did. */
  isClosed = false;
  /** The partition whose log lost its tail, once it has: nothing of it may be added any more. */
  cut: number | null = null;
  readonly #options: BronzeRefereeOptions;
  readonly #lists = new Map<string, readonly ManifestFile[]>();
  readonly #manifests = new Map<string, readonly ManifestEntry[]>();
  /** How far each snapshot comes, by what lies in it. */
  readonly #ends = new Map<bigint | null, Ends>([[null, new Map()]]);

  constructor(options: BronzeRefereeOptions) {
    this.#options = options;
  }

  fail(check: BronzeCheck, text: string): void {
    if (this.#options.without.includes(check)) return;
    this.violations.push({ check, atMs: this.#options.nowMs(), text });
  }

  /** First offset of the partition that the table lacks. */
  end(metadata: TableMetadata, partition: number): number {
    return this.#ends.get(currentSnapshot(metadata)?.['snapshot-id'] ?? null)?.get(partition) ?? 0;
  }

  endsOf(snapshot: Snapshot): Ends {
    return this.#ends.get(snapshot['snapshot-id']) ?? new Map();
  }

  onCommit(before: TableMetadata, after: TableMetadata): void {
    for (const snapshot of after.snapshots) {
      if (snapshotById(before, snapshot['snapshot-id']) !== null) continue;
      const parent = this.#ends.get(snapshot['parent-snapshot-id'] ?? null) ?? new Map<number, number>();
      if (snapshot.summary.operation === 'append') this.#judgeAppend(snapshot, parent, after);
      else this.#ends.set(snapshot['snapshot-id'], parent);
    }
  }

  #judgeAppend(snapshot: Snapshot, had: Ends, after: TableMetadata): void {
    this.commits += 1;
    if (this.isClosed)
      this.fail('refused', 'a commit came after a person had set the table back, or the topic was new');
    const recorded = snapshot.summary[offsetsKey];
    const property = after.properties[offsetsKey];
    if (recorded !== property) this.fail('agree', `the summary says ${recorded}, the property ${property}`);
    const next = (JSON.parse(recorded ?? property ?? '{"next":{}}') as { next: Record<string, number> }).next;
    const ends = new Map(Object.entries(next).map(([partition, end]) => [Number(partition), end]));
    this.#ends.set(snapshot['snapshot-id'], ends);
    if (this.cut !== null && ends.get(this.cut) !== had.get(this.cut))
      return this.fail('cut', `records of partition ${this.cut} came from another log than those before them`);
    const added = this.#dataFiles(snapshot, after, (addedBy) => addedBy === snapshot['snapshot-id']);
    const rows = added.flatMap((path) => this.#rowsOf(path));
    const problem = this.#compare(rows, had, ends);
    if (problem !== null) this.fail('contiguous', problem);
  }

  /** At the end: the table as a reader sees it, and everything that a time traveller may still ask for. */
  judgeEnd(metadata: TableMetadata): void {
    for (const snapshot of metadata.snapshots) this.#dataFiles(snapshot, metadata, () => true);
    const snapshot = currentSnapshot(metadata);
    if (snapshot === null) return;
    const rows = this.#dataFiles(snapshot, metadata, () => true).flatMap((path) => this.#rowsOf(path));
    const { log } = this.#options;
    const ends = new Map(log.partitions.map((_, partition) => [partition, log.bounds(partition).end]));
    const problem = this.#compare(rows, new Map(), ends);
    if (problem !== null) this.fail('table', problem);
  }

  /** Null when the rows are the log's records between `from` and `to`, each once and unchanged. */
  #compare(rows: readonly FileRow[], from: Ends, to: Ends): string | null {
    const { log } = this.#options;
    const found = rows.map(([partition, offset, content]) => `${partition}/${offset} ${content}`).sort();
    const expected: string[] = [];
    for (let partition = 0; partition < log.partitionCount; partition++) {
      const [start, end] = [from.get(partition) ?? 0, to.get(partition) ?? 0];
      if (end < start) return `partition ${partition} goes back from ${start} to ${end}`;
      for (const record of log.read(partition, start, Number.POSITIVE_INFINITY, end)) {
        expected.push(`${partition}/${record.offset} ${contentOf(record)}`);
      }
    }
    expected.sort();
    const at = Math.max(
      found.findIndex((row, index) => row !== expected[index]),
      found.length < expected.length && found.every((row, index) => row === expected[index]) ? found.length : -1,
    );
    return at < 0 ? null : `${found.length} rows for ${expected.length}: ${found[at]} where ${expected[at]} belongs`;
  }

  /** Paths of the snapshot's data files that a snapshot added which `isWanted`. */
  #dataFiles(snapshot: Snapshot, metadata: TableMetadata, isWanted: (addedBy: bigint) => boolean): string[] {
    const paths: string[] = [];
    for (const manifest of this.#read(snapshot['manifest-list'], this.#lists, readManifestList)) {
      if (!isWanted(manifest.addedSnapshotId)) continue;
      const read = (bytes: Uint8Array) => readManifest(bytes, metadata['partition-specs'][0]);
      for (const entry of this.#read(manifest.path, this.#manifests, read)) {
        if (entry.status === entryStatus.deleted || !isWanted(entry.snapshotId)) continue;
        paths.push(entry.file.path);
      }
    }
    return paths;
  }

  #rowsOf(path: string): FileRow[] {
    const bytes = this.#bytesOf(path);
    return bytes === null ? [] : readRowFile(bytes);
  }

  /** An object never changes, so it is read once; it must still be there. */
  #read<T>(uri: string, known: Map<string, readonly T[]>, read: (bytes: Uint8Array) => readonly T[]): readonly T[] {
    const bytes = this.#bytesOf(uri);
    let items = known.get(uri);
    if (items === undefined && bytes !== null) {
      items = read(bytes);
      known.set(uri, items);
    }
    return items ?? [];
  }

  #bytesOf(uri: string): Uint8Array | null {
    const bytes = this.#options.objects.whole(uri);
    if (bytes === null) this.fail('whole', `${uri} is missing, or a stump`);
    return bytes;
  }
}
