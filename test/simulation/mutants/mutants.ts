import type { Mutant } from './mutant.ts';
import { pacingMutants } from './pacing-mutants.ts';
import { planMutants } from './plan-mutants.ts';
import { programMutants } from './program-mutants.ts';
import { releaseMutants } from './release-mutants.ts';
import { sinkMutants } from './sink-mutants.ts';
import { sourceMutants } from './source-mutants.ts';
import { storeMutants } from './store-mutants.ts';

export const mutants: readonly Mutant[] = [
  ...storeMutants,
  ...sourceMutants,
  ...programMutants,
  ...planMutants,
  ...pacingMutants,
  ...sinkMutants,
  ...releaseMutants,
];

export function mutantNamed(name: string): Mutant | undefined {
  return mutants.find((mutant) => mutant.name === name);
}
