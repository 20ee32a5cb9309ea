import type { RecordRun } from '../events/record-run.ts';
import { assert } from '../model/errors.ts';
import type { RecordTally } from './lane-program.ts';

/** What became of offsets that a lane passed; every offset is in exactly one of them. */
interface OffsetAccounts extends RecordTally {
  /** Offsets that a dead letter `damaged_batch` names beside its own. */
  readonly lost: number;
  /** Offsets at which the log says that it holds nothing. */
  readonly gaps: number;
}

const accountNames = ['applied', 'dead', 'late', 'dropped', 'control', 'lost', 'gaps'] as const;

/**
 * The conservation of offsets (docs/semantics.md §1): a lane passes none that is not a record with an
 * outcome, a marker, a gap that the log itself shows, or lost by report. Whatever steps over an acknowledged
 * record, anywhere between the wire and the operators, breaks the sum: a bug of ours, and nothing is committed.
 */
export class OffsetBalance {
  #tally: RecordTally;

  constructor(tally: RecordTally) {
    this.#tally = { ...tally };
  }

  /** Closes the account of a run that has brought the lane of `name` from `from` on; what became of its offsets. */
  settle(name: string, from: number, run: RecordRun, tally: RecordTally): OffsetAccounts {
    const before = this.#tally;
    const accounts = {
      applied: tally.applied - before.applied,
      dead: tally.dead - before.dead,
      late: tally.late - before.late,
      dropped: tally.dropped - before.dropped,
      control: tally.control - before.control + run.control,
      lost: run.unreadable === null ? 0 : run.unreadable.offsets - 1,
      gaps: run.gaps,
    };
    this.#tally = { ...tally };
    const sum = accountNames.reduce((total, account) => total + accounts[account], 0);
    const passed = run.nextOffset - from;
    assert(
      sum === passed,
      `lane ${name} accounts for each of the ${passed} offsets from ${from} on, not for ${sum}: ${JSON.stringify(accounts)}`,
    );
    return accounts;
  }
}
