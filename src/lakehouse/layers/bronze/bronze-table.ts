import { assert, EngineError } from '../../../model/errors.ts';
import type { StreamIdentity } from '../../../model/lane.ts';
import type { CatalogTable, TableState } from '../../catalog/catalog.ts';
import type { DataFileEncoder } from '../../format/data-file-encoder.ts';
import type { DataFile } from '../../format/manifest.ts';
import { currentSnapshot, findSpec } from '../../format/table-metadata.ts';
import type { Verdict } from '../../operations/snapshot-change.ts';
import { SnapshotProducer } from '../../operations/snapshot-producer.ts';
import { layerProperties } from '../../operations/table-columns.ts';
import type { FileIO } from '../../storage/file-io.ts';
import type { IdSource } from '../../storage/id-source.ts';
import { Writing } from '../../storage/writing.ts';
import { BronzeBuffer, type BronzeRun } from './bronze-buffer.ts';
import { bronzeSchema, bronzeSpec } from './bronze-schema.ts';
import { type ClosedOrganizations, closedKey, readClosed } from './closed-organizations.ts';
import { encodeOffsets, offsetsKey, type Positions, type Progress, readOffsets } from './recorded-offsets.ts';

interface BronzeTableOptions {
  readonly catalog: CatalogTable;
  readonly io: FileIO;
  readonly ids: IdSource;
  readonly encoder: DataFileEncoder;
  readonly topic: string;
  readonly identity: StreamIdentity;
  /** Of the stream; a table of another one is refused. */
  readonly generation?: number;
  /** URI of the table's folder, used when the table is created. */
  readonly location: string;
  readonly nowMs: () => number;
  pause(attempt: number): Promise<void>;
  readonly attemptsMax?: number;
  readonly properties?: Readonly<Record<string, string>>;
}

export interface BronzeTableStats {
  readonly location: string;
  readonly snapshots: number;
  readonly records: number;
  readonly commits: number;
  readonly conflicts: number;
  readonly unknown: number;
  readonly fenced: number;
  readonly files: number;
  readonly bytes: number;
}

/**
 * The raw log as an Iceberg table, every record exactly once. Files and offsets change in one commit,
 * and every attempt checks that the table ends where our records start. So a second writer, a lost
 * answer or a restart can neither repeat nor skip a record: at worst we are `fenced`, drop what we
 * hold and read on from where the table is.
 */
export class BronzeTable {
  readonly #options: BronzeTableOptions;
  readonly #producer: SnapshotProducer;
  readonly #buffer = new BronzeBuffer();
  /** Where the table ends, and where our buffer ends. */
  #committed = new Map<number, number>();
  #buffered = new Map<number, number>();
  /** Leaders that appended what lies before those ends. */
  #committedEpochs = new Map<number, number>();
  #bufferedEpochs = new Map<number, number>();
  #files: DataFile[] | null = null;
  /** Whose records are not kept, as the table said it last. */
  #closed: ClosedOrganizations = new Map();
  #closedText: string | undefined;
  /** Ours in this table, which need not be its default any more. */
  #specId = bronzeSpec['spec-id'];
  /** What we read; null = all. */
  #own: readonly number[] | null = null;
  #stats = {
    location: '',
    snapshots: 0,
    records: 0,
    commits: 0,
    conflicts: 0,
    unknown: 0,
    fenced: 0,
    files: 0,
    bytes: 0,
  };

  constructor(options: BronzeTableOptions) {
    this.#options = options;
    this.#producer = new SnapshotProducer({ ...options, attemptsMax: options.attemptsMax ?? 10 });
  }

  /** Opens or creates the table and returns the first offset of each partition that it does not hold. */
  async open(): Promise<Positions> {
    const { catalog, ids, location, properties } = this.#options;
    const table = {
      uuid: ids.uuid(),
      location,
      schema: bronzeSchema,
      spec: bronzeSpec,
      properties: { ...layerProperties, ...properties },
    };
    this.#resume((await catalog.load()) ?? (await catalog.create(table)));
    return this.positions();
  }

  /** Committed ends by partition; a partition that is absent starts at the log's start. */
  positions(): Positions {
    return new Map(this.#committed);
  }

  leaderEpochOf(partition: number): number | undefined {
    return this.#committedEpochs.get(partition);
  }

  /** The partitions that we read; the others have other writers, whose progress is no fence for us. */
  own(partitions: readonly number[]): void {
    this.#own = partitions;
  }

  get bufferedRecords(): number {
    return this.#buffer.records;
  }

  get bufferedBytes(): number {
    return this.#buffer.bytes;
  }

  stats(): BronzeTableStats {
    return { ...this.#stats };
  }

  /** Takes the next records of a partition, which start where the last ones ended. They are ours from now on. */
  add(run: BronzeRun, leaderEpoch?: number): void {
    assert(this.#files === null, 'nothing is added between the attempts of a commit');
    const expected = this.#buffered.get(run.partition) ?? this.#committed.get(run.partition) ?? 0;
    assert(run.count === 0 || run.offsets[0] >= expected, 'bronze records come in order, each once');
    this.#buffer.add(run);
    this.#buffered.set(run.partition, run.nextOffset);
    if (leaderEpoch !== undefined) this.#bufferedEpochs.set(run.partition, leaderEpoch);
  }

  /**
   * Commits what is buffered. `fenced`: another writer moved the table on; whether or not our records
   * went in, the buffer is gone and reading goes on from `positions()`. After an error that is worth retrying, call it again: the data
   * files are kept, and the check makes a second commit of the same records impossible.
   */
  async commit(): Promise<'committed' | 'fenced' | 'nothing'> {
    if (this.#buffered.size === 0) return 'nothing';
    this.#files ??= await this.#writeFiles();
    const result = await this.#producer.commit({
      operation: 'append',
      added: this.#files,
      specId: this.#specId,
      marks: (state) => {
        const sequence = state.metadata['last-sequence-number'] + 1;
        return { [offsetsKey]: encodeOffsets(this.#options, this.#progressOn(state), sequence) };
      },
      check: (state): Verdict => (this.#isContiguous(state) && !this.#hasClosed(state) ? 'go' : 'give_up'),
    });
    // Files may hold what was erased meanwhile: it is read once more, and filed without.
    if (result.outcome !== 'committed' && this.#hasClosed(result.state))
      await this.#options.io.deleteAll(this.#files.map(({ path }) => path));
    this.#stats.conflicts += result.conflicts;
    this.#stats.unknown += result.unknown;
    if (result.outcome === 'committed') {
      this.#stats.commits++;
      this.#stats.files += this.#files.length;
      this.#stats.bytes += this.#files.reduce((sum, file) => sum + file.sizeBytes, 0);
    }
    const ours = new Map([...this.#committed, ...this.#buffered]);
    this.#resume(result.state);
    // Also after our own commit somebody else may have gone further: in another partition of ours, or on
    // top of ours while its answer was lost. What our reader would bring next is then already there.
    const read = this.#own ?? [...new Set([...this.#committed.keys(), ...ours.keys()])];
    const isWhereWeLeftIt = read.every((at) => this.#committed.get(at) === ours.get(at));
    if (isWhereWeLeftIt) return 'committed';
    this.#stats.fenced++;
    return 'fenced';
  }

  /** Of all partitions, once our buffer is in the table; an epoch is of the offset that it came with alone. */
  #progressOn({ metadata }: TableState): Progress {
    const { positions, epochs } = readOffsets(metadata, this.#options);
    const others = [...epochs].filter(([partition]) => !this.#buffered.has(partition));
    return {
      positions: new Map([...positions, ...this.#buffered]),
      epochs: new Map([...others, ...this.#bufferedEpochs]),
    };
  }

  /** The table must end exactly where the buffer starts, in every partition of the buffer. */
  #isContiguous(state: TableState): boolean {
    const { positions: have } = readOffsets(state.metadata, this.#options);
    return [...this.#buffered.keys()].every(
      (partition) => (have.get(partition) ?? 0) === (this.#committed.get(partition) ?? 0),
    );
  }

  /** Whether an organization was closed, or opened anew, since we looked. */
  #hasClosed({ metadata }: TableState): boolean {
    return metadata.properties[closedKey] !== this.#closedText;
  }

  /** One file a table partition; while some are being written, the next ones are encoded. */
  async #writeFiles(): Promise<DataFile[]> {
    const { io, ids, encoder, location } = this.#options;
    const files: DataFile[] = [];
    const writing = new Writing(filesAtOnceMax);
    this.#buffer.blank(this.#closed);
    for (const group of this.#buffer.groups()) {
      const { bytes, ...facts } = encoder.encode(group.columns());
      const day = new Date(group.day * 86_400_000).toISOString().slice(0, 10);
      const folder = `org_id=${encodeURIComponent(group.org)}/event_time_day=${day}`;
      const path = `${location}/data/${folder}/${ids.uuid()}.parquet`;
      files.push({ path, partition: [group.org, group.day], sizeBytes: bytes.length, ...facts });
      await writing.start(() => io.create(path, bytes));
    }
    await writing.end();
    return files;
  }

  #resume(state: TableState): void {
    this.#specId = specOf(state);
    this.#closedText = state.metadata.properties[closedKey];
    this.#closed = readClosed(state.metadata);
    const { positions, epochs } = readOffsets(state.metadata, this.#options);
    this.#committed = new Map(positions);
    this.#committedEpochs = new Map(epochs);
    this.#buffered.clear();
    this.#bufferedEpochs.clear();
    this.#buffer.clear();
    this.#files = null;
    this.#stats.location = state.metadata.location;
    this.#stats.snapshots = state.metadata.snapshots.length;
    this.#stats.records = Number(currentSnapshot(state.metadata)?.summary['total-records'] ?? 0);
  }
}

/** Throws SINK_REJECTED when somebody removed the spec that bronze writes by. */
function specOf({ metadata }: TableState): number {
  const id = findSpec(metadata, bronzeSpec);
  if (id !== null) return id;
  const problem = 'lacks the partition spec identity(org_id), day(event_time); bring it back with any Iceberg tool';
  throw new EngineError('SINK_REJECTED', `${metadata.location} ${problem}`);
}

/** Each waits for the disk, and a disk takes about as many syncs at once as it takes one. */
const filesAtOnceMax = 32;
