import type { LaneProgram } from '../../../src/runtime/lane-program.ts';

type Overrides = Partial<Pick<LaneProgram, 'apply' | 'restore' | 'harvest' | 'distrustBases'>>;

/** The program, with some of what it does done otherwise. */
export function wrap(program: LaneProgram, overrides: Overrides): LaneProgram {
  return {
    apply: overrides.apply ?? ((...args) => program.apply(...args)),
    restore: overrides.restore ?? ((snapshot) => program.restore(snapshot)),
    harvest: overrides.harvest ?? ((seq) => program.harvest(seq)),
    distrustBases: overrides.distrustBases ?? (() => program.distrustBases()),
    inPresentShape: (stored) => program.inPresentShape(stored),
    tailStart: () => program.tailStart(),
    remember: (batch) => program.remember(batch),
    rememberRefused: (batch) => program.rememberRefused(batch),
    get isAlertPending() {
      return program.isAlertPending;
    },
    get dirtyBytes() {
      return program.dirtyBytes;
    },
    get clockMs() {
      return program.clockMs;
    },
    get tally() {
      return program.tally;
    },
    get namesKeptMax() {
      return program.namesKeptMax;
    },
  };
}
