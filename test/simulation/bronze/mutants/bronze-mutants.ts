import type { BronzeMutant } from '../bronze-mutant.ts';
import { commitMutants } from './commit-mutants.ts';
import { fileMutants } from './file-mutants.ts';
import { offsetMutants } from './offset-mutants.ts';

export const bronzeMutants: readonly BronzeMutant[] = [...offsetMutants, ...commitMutants, ...fileMutants];

export function bronzeMutantNamed(name: string): BronzeMutant | undefined {
  return bronzeMutants.find((mutant) => mutant.name === name);
}
