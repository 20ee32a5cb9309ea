import type { Decoder } from '../decoders/decoder.ts';
import { EventBatch } from '../events/event-batch.ts';
import type { RecordRun } from '../events/record-run.ts';
import { decodeRows } from '../rows/row-binary.ts';
import type { ReadRowOf, Table } from '../rows/tables.ts';
import { CampaignLane } from '../topology/campaign-topology.ts';
import { type ChoosePlans, ChosenPlans } from './chosen-plans.ts';

/** The lane of a log whose records are played: what its rows say of it, and whose plans it takes. */
export interface PlayedLane {
  readonly partition: number;
  readonly partitions: number;
  /** Goes into the versions of rows. */
  readonly generation: number;
  /** Public key that the plans of its stream begin with; null = they need no signature. */
  readonly planKey: string | null;
}

export interface PlayOptions {
  /** Of this player alone: it remembers the schemas that it met. */
  readonly decoder: Decoder;
  /** Whose rows are kept; those of all others are let go. */
  readonly tables: readonly Table[];
  /** What stands in place of the plans in the log; absent = the plans of the log. */
  readonly plans?: ChoosePlans;
}

/** Bytes of rows and changes at which a lane is emptied: it decides about memory, never about a row. */
const harvestBytes = 4 * 1024 * 1024;

/**
 * Plays the records of a lane through the very program that runs in the engine, in memory alone: no
 * sink, topic, state store, network or clock. Give it the runs of the lane in order, from the first record
 * of the log on; take the rows whenever you like.
 *
 * Snapshots, evaluations, alerts, dead letters and late events are the rows that an engine would have
 * written, byte for byte. Rows that are restated in place (days, unplanned spend) may come in other
 * intermediate versions: the highest version of each key is what counts.
 *
 *     const player = new LanePlayer(lane, { decoder, tables: [alertEvents] });
 *     for await (const run of source.readBack(partition, start, end)) await player.play(run);
 *     for (const alert of player.take(alertEvents)) …
 */
export class LanePlayer {
  readonly #program: CampaignLane;
  readonly #decoder: Decoder;
  readonly #chosen: ChosenPlans | null;
  readonly #batch = new EventBatch(1_024);
  /** Rows of each kept table, in the bytes of its sink. */
  readonly #kept: ReadonlyMap<string, Uint8Array[]>;
  #seq = 0;

  constructor(lane: PlayedLane, { decoder, tables, plans }: PlayOptions) {
    // Plans that were chosen are signed by nobody; those of the log were judged before they were replaced.
    this.#program = new CampaignLane(plans === undefined ? lane : { ...lane, planKey: null });
    this.#decoder = decoder;
    this.#chosen = plans === undefined ? null : new ChosenPlans(lane, plans);
    this.#kept = new Map(tables.map(({ name }) => [name, []]));
  }

  /** Time of the newest record, ms; -Infinity before the first. */
  get clockMs(): number {
    return this.#program.clockMs;
  }

  /** What was chosen so far; null where the plans are those of the log. */
  get chosen(): Pick<ChosenPlans, 'rules' | 'replaced'> | null {
    return this.#chosen;
  }

  /** Plays a run. Throws what the schema registry throws, and whatever stops an engine at such a record. */
  async play(run: RecordRun): Promise<void> {
    this.#batch.of(this.#batch.dictionaries.within(this.#program.namesKeptMax));
    await this.#decode(run);
    const chosen = this.#chosen?.replace(run, this.#batch) ?? null;
    if (chosen !== null) await this.#decode(chosen);
    this.#program.apply(this.#batch, chosen ?? run);
    if (this.#program.dirtyBytes >= harvestBytes) this.#harvest();
  }

  /**
   * The rows of a kept table since they were taken last, in the order in which they were made. Columns named in `raw`
   * come as their bytes.
   */
  take<T extends Table, const Raw extends T['columns'][number]['name'] = never>(
    table: T,
    raw: readonly Raw[] = [],
  ): ReadRowOf<T, Raw>[] {
    this.#harvest();
    const chunks = this.#kept.get(table.name)?.splice(0) ?? [];
    return chunks.flatMap((bytes) => decodeRows(table, bytes, raw));
  }

  async #decode(run: RecordRun): Promise<void> {
    const decode = () => this.#decoder.decode(run, this.#batch);
    for (let schema = decode(); schema >= 0; schema = decode()) await this.#decoder.learn(schema);
  }

  #harvest(): void {
    this.#seq += 1;
    // The writer goes on in the same memory.
    for (const { stream, bytes } of this.#program.harvest(this.#seq).outputs)
      this.#kept.get(stream)?.push(bytes.slice());
  }
}
