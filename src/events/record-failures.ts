import { publishFact } from '../model/facts.ts';

/** What the dead letter says; the stack is in the log, for us. */
export const internalErrorDetail = 'paceline stumbled over this record: a bug of ours, told in its log';

/** Where a record is on its way. */
type FailedStage = 'decode' | 'check' | 'apply';

/** The records of a batch over which a stage stumbled, told as one fact. */
export class RecordFailures {
  readonly #stage: FailedStage;
  readonly #partition: number;
  readonly #offsets: Float64Array;
  #count = 0;
  #firstRow = -1;
  #firstError: unknown = null;

  constructor(stage: FailedStage, batch: { readonly partition: number; readonly offsets: Float64Array }) {
    this.#stage = stage;
    this.#partition = batch.partition;
    this.#offsets = batch.offsets;
  }

  note(row: number, error: unknown): void {
    if (this.#count === 0) {
      this.#firstRow = row;
      this.#firstError = error;
    }
    this.#count += 1;
  }

  publish(): void {
    if (this.#count === 0) return;
    publishFact('records.failed', {
      stage: this.#stage,
      partition: this.#partition,
      offset: this.#offsets[this.#firstRow],
      records: this.#count,
      error: this.#firstError,
    });
  }
}
