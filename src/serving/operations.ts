import { accessOperations } from './queries/access-operations.ts';
import type { Operation } from './queries/operation.ts';
import { queryOperations } from './queries/operations.ts';

/** All that any door offers. */
const operations = { ...queryOperations, ...accessOperations } as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof operations;

export const operationNames = Object.keys(operations) as readonly OperationName[];

export function operationOf(name: OperationName): Operation {
  return operations[name];
}
