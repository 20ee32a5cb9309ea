import { assert } from '../../../model/errors.ts';

/** What a field of an event is, whatever encoding brought it. */
export type EventFieldType = 'string' | 'int' | 'long' | 'double' | 'boolean' | 'instant' | 'date' | 'id' | 'counts';

export interface EventField {
  readonly name: string;
  readonly type: EventFieldType;
  readonly doc: string;
  /** What a record means that leaves it out; null = nothing. */
  readonly absent: string | number | boolean | null;
}

/** A kind of event, as its producers' contract has it. */
export interface EventKind {
  readonly kind: string;
  /** What decides how long after its time it may come: 'delivery', 'report', 'control', … */
  readonly lateness: string;
  readonly fields: readonly EventField[];
}

/** A table of silver and the kinds of event that lie in it. */
export interface SilverTable {
  readonly name: string;
  readonly kinds: readonly EventKind[];
  /** All their fields, each once. */
  readonly fields: readonly EventField[];
  /** Days around a day in which the same event may lie again, under another time. */
  readonly repeatedWithinDays: number;
}

const controlTable = 'control';
const dayOfDelivery = 3;
/** A report may be about a year, and its lateness a year too. */
const dayOfOthers = 400;

/** Decisions and what sources say of themselves share a table; every other kind has its own, named by many of it. */
function tableOfKind({ kind, lateness }: EventKind): string {
  if (lateness === 'control' || lateness === 'never') return controlTable;
  return /(s|spend)$/.test(kind) ? kind : `${kind}s`;
}

/** The tables of silver, derived from the kinds of event. */
export function silverTables(kinds: readonly EventKind[]): SilverTable[] {
  return [...Map.groupBy(kinds, tableOfKind)].map(([name, own]) => ({
    name,
    kinds: own,
    fields: unitedFields(name, own),
    repeatedWithinDays: own.every(({ lateness }) => lateness === 'delivery') ? dayOfDelivery : dayOfOthers,
  }));
}

function unitedFields(table: string, kinds: readonly EventKind[]): EventField[] {
  const fields = new Map<string, EventField>();
  for (const field of kinds.flatMap((one) => one.fields)) {
    const known = fields.get(field.name);
    assert(known === undefined || known.type === field.type, `${table}.${field.name} is one type in all its kinds`);
    if (known === undefined) fields.set(field.name, field);
  }
  return [...fields.values()];
}

/** Whether a table tells the kind of each row. */
export function tellsKind({ name }: SilverTable): boolean {
  return name === controlTable;
}
