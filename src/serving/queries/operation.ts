import type * as z from 'zod';
import type { Caller, Permission } from '../caller.ts';
import type { ReadTable, ServingPorts, TableReader } from '../ports.ts';

/** What an operation runs with: who calls, and the tables of that caller's organization alone. */
export interface OperationContext {
  readonly caller: Caller;
  readonly ports: ServingPorts;
  /** Tables of the call's organization. Operations of scope `engine` have none and may not ask. */
  readonly tables: TableReader;
}

/** What is known, and how well: the same on every door. */
export interface Answer<Data> {
  readonly data: Data;
  /** Continues the list; null at its end, and where there is no list. */
  readonly nextCursor: string | null;
  /** Highest row version in it, `generation:offset`; null where it holds no row of a table. */
  readonly dataVersion: string | null;
  /** How far back it could look: into what ClickHouse keeps, or also into the lake; absent where it asks no period. */
  readonly reach?: ReadTable['reach'];
  /** Event time up to which all that is shown is complete, ms; null = not known for all of it. */
  readonly completeThroughMs: number | null;
  /** Log time of the newest thing that it knows, ms; doors say its age. Null where nothing has one. */
  readonly asOfMs: number | null;
}

/**
 * One thing that can be asked or done, described once: every door derives its route, its check of the input and its
 * documentation from here, and none may do more than this table holds.
 */
export interface Operation<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType> {
  /** Some sentences for a stranger. */
  readonly doc: string;
  /** Checked before anything runs; unknown members are refused. */
  readonly input: Input;
  /** Of `Answer.data`. */
  readonly output: Output;
  /** `organization`: every call names one. `engine`: of the process itself. `account`: of the caller. */
  readonly scope: 'organization' | 'engine' | 'account';
  /** Null = whoever is let in. */
  readonly permission: Permission | null;
  readonly isWrite: boolean;
  /** Its answer follows from the tables and the input alone, so it may be kept until they change. */
  readonly isOfTables: boolean;
  /** What it takes from the caller's allowance; 1 = a look at one row or a short list. */
  readonly cost: number;
  run(context: OperationContext, input: z.output<Input>): Promise<Answer<z.output<Output>>>;
}

/** Keeps the types of an operation together while it is written. */
export function operation<Input extends z.ZodObject, Output extends z.ZodType>(
  described: Operation<Input, Output>,
): Operation<Input, Output> {
  return described;
}
