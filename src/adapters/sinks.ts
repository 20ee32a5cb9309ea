import type * as z from 'zod';
import { alertmanagerKind } from '../sinks/alertmanager/alertmanager-kind.ts';
import type { SinkKind } from '../sinks/sink-kind.ts';

/** Kinds of sinks beside the tables and the topics of results, by the section that switches them on. */
const kinds = {
  alertmanager: alertmanagerKind,
};

type Kinds = typeof kinds;

/** The kinds as a loop sees them. */
export const sinkKinds: Readonly<Record<string, SinkKind<z.ZodType>>> = kinds;

export const sinkSections = Object.fromEntries(
  Object.entries(kinds).map(([name, { section }]) => [name, section]),
) as unknown as { readonly [Name in keyof Kinds]: Kinds[Name]['section'] };

/** What `doctor` looks at for them; docs/doctor.md is printed from it. */
export const sinkChecks: Readonly<Record<string, string>> = Object.assign(
  {},
  ...Object.values(kinds).map(({ checks }) => checks),
);
