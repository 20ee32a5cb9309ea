import type { AvroField, AvroRecord, AvroType } from '../events/avro/schema.ts';
import type { Dictionary } from '../events/dictionary.ts';
import { type EventBatch, flag } from '../events/event-batch.ts';
import type { EventColumn } from '../events/event-columns.ts';
import { type KindName, kind, kinds } from '../events/kinds.ts';
import { assert } from '../model/errors.ts';
import { dayMs } from '../model/time.ts';
import type { AvroCursor } from './avro-cursor.ts';
import { findTarget, isReadable, names, plainType, requireSameTime, unresolvable } from './avro-object.ts';
import { isEmpty, isPlain, skipValue } from './avro-skip.ts';
import {
  BadField,
  checkedDay,
  instantMax,
  instantMin,
  instantProblem,
  label,
  orderOf,
  periodProblem,
  smallCountMax,
  spanEnd,
  weightInMillionths,
} from './event-fields.ts';

/**
 * Hot kinds go from bytes to columns by a function generated for the schema that wrote them: straight
 * line code, no object, no branch on types. Only numbers and the fixed snippets below enter the
 * generated text; nothing of a remote schema does but the order and types of its fields.
 *
 * Its variables: `bytes` and `at`, the place in them; `view`, the same bytes, and `end`, that of the record;
 * `b`, a byte just read; `v`, the value of a field. What is nearly always one byte is read on the spot,
 * and so is an instant's usual length; the rest asks the cursor, which is given the place and gives it back.
 */
export type ReadRow = (cursor: AvroCursor, batch: EventBatch, row: number) => void;

/** Code that has the cursor read something at the place. */
function byCursor(code: string): string {
  return `cursor.at = at; ${code} at = cursor.at;`;
}

/** The code that stores a decoded value `v` (or, for ids, reads it) into a column. */
interface Target {
  readonly take: 'id' | 'currency' | 'label' | 'eventId' | 'value' | 'instant' | 'symbol' | 'boolean';
  readonly store: string;
  /** Run when the writer has null, or lacks the field. */
  readonly absent: string;
}

const envelope: Readonly<Record<string, Target>> = {
  event_id: { take: 'eventId', store: '', absent: '' },
  org_id: { take: 'id', store: byCursor('batch.orgs[row] = cursor.id(dictionaries.orgs, "org_id");'), absent: '' },
  campaign_id: {
    take: 'id',
    store: byCursor('batch.campaigns[row] = cursor.id(dictionaries.campaigns, "campaign_id");'),
    absent: 'cursor.fail("bad_field", "campaign_id is missing");',
  },
  source: {
    take: 'id',
    store: byCursor('batch.sources[row] = cursor.id(dictionaries.sources, "source");'),
    absent: '',
  },
  event_time: instantTarget('eventTimes', 'event_time'),
  test: flagTarget(flag.test, 'test'),
};

/** The code for a column of the table of kinds. */
function targetOf(name: string, column: EventColumn): Target {
  switch (column.take) {
    case 'money':
      return numberTarget(column.column);
    case 'count':
      return {
        ...numberTarget(column.column),
        store: `if (v < 0) help.count(cursor, "${name}", v); batch.${column.column}[row] = v;`,
      };
    case 'smallCount': {
      const check = `if (v < ${column.least} || v > ${smallCountMax}) help.count(cursor, "${name}", v);`;
      return {
        take: 'value',
        store: `${check} batch.counts[row] = v;`,
        absent: `batch.counts[row] = ${column.absent ?? 0};`,
      };
    }
    case 'weight':
      return {
        take: 'value',
        store: `batch.${column.column}[row] = help.weight(cursor, v);`,
        absent: `batch.${column.column}[row] = ${weightInMillionths(column.absent)};`,
      };
    case 'instant':
      return { ...instantTarget(column.column, name), absent: `batch.${column.column}[row] = ${column.absent ?? 0};` };
    case 'day':
      return { take: 'value', store: `batch.${column.column}[row] = help.day(cursor, "${name}", v);`, absent: '' };
    case 'symbol': {
      const absent = column.absent === undefined ? 0 : column.symbols.indexOf(column.absent);
      return {
        take: 'symbol',
        store: `batch.${column.column}[row] = v;`,
        absent: `batch.${column.column}[row] = ${absent};`,
      };
    }
    case 'flag':
      return flagTarget(column.bit, name);
    case 'symbolFlag':
      return { take: 'symbol', store: `if (v !== 0) flags |= ${column.bit};`, absent: '' };
    case 'label':
      return {
        take: 'label',
        store: byCursor(`batch.counts[row] = ~help.label(cursor, dictionaries.labels, "${name}");`),
        absent: 'batch.counts[row] = 0;',
      };
    case 'currency':
      return {
        take: 'currency',
        store: byCursor('batch.currencies[row] = cursor.currency(dictionaries.currencies);'),
        absent: '',
      };
  }
}

/** A kind that comes often and says more than columns hold: fields kept in variables, and what is made of them. */
interface Beside {
  readonly begin: string;
  readonly targets: Readonly<Record<string, Target>>;
  readonly end: string;
}

const besides: Readonly<Partial<Record<KindName, Beside>>> = {
  spend: {
    begin: 'let periodEnd = 0, sequence = NaN, producedAt = NaN;',
    targets: {
      period_end: variable('instant', 'periodEnd', 'period_end'),
      source_seq: variable('value', 'sequence', 'source_seq'),
      produced_at: variable('instant', 'producedAt', 'produced_at'),
    },
    end: 'help.spend(cursor, batch, row, periodEnd, sequence, producedAt);',
  },
};

/** Where the fields of a kind go; what is not here is passed over. */
function targetsOf(name: KindName): Readonly<Record<string, Target>> {
  const columns: [string, EventColumn][] = Object.entries(kinds[name].columns);
  const inColumns = Object.fromEntries(columns.map(([field, column]) => [field, targetOf(field, column)]));
  return { ...envelope, ...inColumns, ...besides[name]?.targets };
}

/** Generates the row reader for records of `writer`; throws SCHEMA_UNRESOLVABLE naming both sides. */
export function compileRowReader(name: KindName, writer: AvroRecord, reader: AvroRecord): ReadRow {
  const targets = targetsOf(name);
  const tables: Int32Array[] = [];
  const skipped: AvroType[] = [];
  const lines = [
    'const { dictionaries } = batch; const { bytes, view, end } = cursor;',
    'let at = cursor.at; let flags = 0; let v = 0; let b = 0;',
  ];
  const beside = besides[name];
  assert(
    beside !== undefined || !kinds[name].hasDetail,
    `generated code makes what ${name} carries beside its columns`,
  );
  if (beside !== undefined) lines.push(beside.begin);
  for (const field of writer.fields) lines.push(fieldCode(field, reader, targets, tables, skipped));
  for (const field of reader.fields) {
    const isWritten = writer.fields.some((each) => names(field).includes(each.name));
    if (isWritten) continue;
    if (!field.hasDefault) throw unresolvable(reader.name, field.name, 'the writer lacks it and it has no default');
    lines.push(targets[field.name]?.absent ?? '');
  }
  lines.push(...untouchedColumns(lines), 'batch.flags[row] = flags;', `batch.kinds[row] = ${kind[name]};`);
  lines.push('cursor.at = at;', beside?.end ?? '');
  const make = new Function(
    'help',
    'tables',
    'skipped',
    `return function readRow(cursor, batch, row) {\n${lines.join('\n')}\n};`,
  );
  return make(help, tables, skipped) as ReadRow;
}

/** Batches are reused: columns that a kind does not use are emptied, so that equal events are equal rows. */
function untouchedColumns(lines: readonly string[]): string[] {
  const code = lines.join(' ');
  const empty = { basis: 0, code: 0, campaigns: -1, currencies: -1, counts: 0, amount: 0, amount2: 0, t1: 0, t2: 0 };
  return Object.entries(empty)
    .filter(([column]) => !code.includes(`batch.${column}[row]`))
    .map(([column, value]) => `batch.${column}[row] = ${value};`);
}

/** What generated code calls when a value is out of its bounds. */
const help = {
  skip: skipValue,
  instant(cursor: AvroCursor, name: string, value: number): void {
    cursor.fail('bad_time', instantProblem(name, value)?.message ?? '');
  },
  label(cursor: AvroCursor, labels: Dictionary, name: string): number {
    const text = cursor.text();
    if (cursor.problem !== null) return -1;
    try {
      return labels.internText(label(name, text));
    } catch (cause) {
      if (!(cause instanceof BadField)) throw cause;
      cursor.fail(cause.reason, cause.message);
      return -1;
    }
  },
  boolean(cursor: AvroCursor, name: string): void {
    cursor.fail('bad_field', `${name} is neither 0 nor 1`);
  },
  count(cursor: AvroCursor, name: string, value: number): void {
    cursor.fail('bad_field', `${name} is ${value}, out of its range`);
  },
  weight(cursor: AvroCursor, value: number): number {
    if (value >= 0 && value <= 1_000) return weightInMillionths(value);
    cursor.fail('bad_field', `weight is ${value}, not from 0 to 1000`);
    return 0;
  },
  /** The period and its order, once all fields are there. */
  spend(
    cursor: AvroCursor,
    batch: EventBatch,
    row: number,
    periodEnd: number,
    sequence: number,
    producedAt: number,
  ): void {
    if (cursor.problem !== null || cursor.at > cursor.end) return;
    const start = batch.t1[row];
    const problem = periodProblem(start, periodEnd);
    if (problem !== null) cursor.fail('bad_field', problem);
    const at = batch.eventTimes[row];
    const to = spanEnd(start, periodEnd, at, batch.t2[row]);
    batch.details.set(row, { kind: 'spend', to, order: orderOf(at, sequence, producedAt) });
  },
  day(cursor: AvroCursor, name: string, value: number): number {
    if (value * dayMs >= instantMin && value * dayMs <= instantMax) return checkedDay(name, value);
    cursor.fail('bad_field', `${name} is day ${value}, not between 2000 and 2100`);
    return 0;
  },
};

function instantTarget(column: string, name: string): Target {
  const check = `if (!(v >= ${instantMin} && v <= ${instantMax})) help.instant(cursor, "${name}", v);`;
  return { take: 'instant', store: `${check} batch.${column}[row] = v;`, absent: '' };
}

/** A field that no column holds, in a variable that is NaN from the start. */
function variable(take: 'instant' | 'value', into: string, name: string): Target {
  const check = `if (!(v >= ${instantMin} && v <= ${instantMax})) help.instant(cursor, "${name}", v);`;
  return { take, store: `${take === 'instant' ? check : ''} ${into} = v;`, absent: '' };
}

function numberTarget(column: string): Target {
  return { take: 'value', store: `batch.${column}[row] = v;`, absent: `batch.${column}[row] = 0;` };
}

function flagTarget(bit: number, name: string): Target {
  return {
    take: 'boolean',
    // A branch on the value would be guessed wrong half the time.
    store: `b = bytes[at++]; if (b > 1) help.boolean(cursor, "${name}"); flags |= b * ${bit};`,
    absent: '',
  };
}

function fieldCode(
  field: AvroField,
  reader: AvroRecord,
  targets: Readonly<Record<string, Target>>,
  tables: Int32Array[],
  skipped: AvroType[],
): string {
  const wanted = findTarget(reader, field.name);
  const target = wanted === undefined ? undefined : targets[wanted.name];
  if (wanted === undefined || target === undefined) return skipCode(field.type, skipped);
  requireSameTime(field, wanted, reader.name);
  const written = plainType(field.type);
  if (!isReadable(written, plainType(wanted.type))) {
    throw unresolvable(
      reader.name,
      wanted.name,
      `the writer has ${written.kind}, we read ${plainType(wanted.type).kind}`,
    );
  }
  const read = readCode(written, plainType(wanted.type), target, tables);
  if (field.type.kind !== 'union') return read;
  const nullIndex = field.type.branches.findIndex((branch) => branch.kind === 'null');
  if (field.type.branches.length !== 2 || nullIndex < 0) {
    throw unresolvable(reader.name, wanted.name, 'the writer has a union of other than null and one type');
  }
  if (wanted.type.kind !== 'union' && !wanted.hasDefault) {
    throw unresolvable(reader.name, wanted.name, 'the writer may leave it null, we need it');
  }
  // The branch is 0 or 2, zigzag for 0 and 1.
  const isNull = `b = bytes[at]; if (b === 0 || b === 2) { at += 1; v = b >> 1; } else { ${byCursor('v = cursor.branch();')} }`;
  return `${isNull} if (v === ${nullIndex}) { ${target.absent} } else { ${read} }`;
}

function readCode(written: AvroType, wanted: AvroType, target: Target, tables: Int32Array[]): string {
  switch (target.take) {
    case 'eventId':
      return 'cursor.eventId(at, batch.eventIds, 4 * row); at += 16;';
    case 'id':
    case 'label':
    case 'currency':
    case 'boolean':
      return target.store;
    case 'symbol':
      return `${symbolCode(written, wanted, tables)} ${target.store}`;
    case 'value':
      return `${numberCode(written)} ${target.store}`;
    case 'instant':
      return `${instantCode(written)} ${target.store}`;
  }
}

function numberCode(written: AvroType): string {
  if (written.kind === 'double' || written.kind === 'float') return byCursor(`v = cursor.${written.kind}();`);
  const small = '{ at += 1; v = (b >>> 1) ^ -(b & 1); }';
  return `b = bytes[at]; if (b < 128) ${small} else { ${byCursor('v = cursor.long();')} }`;
}

/** Milliseconds from July 1970 to September 2039 are varints of six bytes, the sign in the lowest bit. */
function instantCode(written: AvroType): string {
  if (written.kind !== 'long') return numberCode(written);
  const isUsual = '(b & 0x80808081) === (0x80808080 | 0) && bytes[at + 4] > 127 && bytes[at + 5] < 128';
  const low = '(b >> 1 & 63) + (b >> 2 & 0x1fc0) + (b >> 3 & 0xfe000) + (b >> 4 & 0x7f00000)';
  const high = '(bytes[at + 4] & 127) * 134217728 + bytes[at + 5] * 17179869184';
  return `if (at + 6 <= end && (b = view.getInt32(at, true), ${isUsual})) { v = ${low} + ${high}; at += 6; }
    else { ${byCursor('v = cursor.long();')} }`;
}

/** The writer's symbol index as ours; a symbol we lack becomes our default. */
function symbolCode(written: AvroType, wanted: AvroType, tables: Int32Array[]): string {
  if (written.kind !== 'enum' || wanted.kind !== 'enum') return numberCode(written);
  const fallback = wanted.default === undefined ? 0 : wanted.symbols.indexOf(wanted.default);
  const table = Int32Array.from(written.symbols, (symbol) => {
    const index = wanted.symbols.indexOf(symbol);
    return index < 0 ? fallback : index;
  });
  tables.push(table);
  return `${indexCode(written.symbols.length)} v = tables[${tables.length - 1}][v];`;
}

/** Index of an enum's symbol or a union's branch: nearly always an even byte below 128. */
function indexCode(count: number): string {
  const small = `(b & 129) === 0 && b >> 1 < ${count}`;
  return `b = bytes[at]; if (${small}) { at += 1; v = b >> 1; } else { ${byCursor(`v = cursor.symbol(${count});`)} }`;
}

/** Passes over a value that no column takes: with code of its own where that is short. */
function skipCode(type: AvroType, skipped: AvroType[]): string {
  if (isPlain(type)) return plainSkipCode(type);
  skipped.push(type);
  return byCursor(`help.skip(cursor, skipped[${skipped.length - 1}]);`);
}

function plainSkipCode(type: AvroType): string {
  switch (type.kind) {
    case 'null':
      return '';
    case 'boolean':
      return 'at += 1;';
    case 'int':
    case 'long':
    case 'enum':
      return `if (bytes[at] < 128) at += 1; else { ${byCursor('cursor.skipLong();')} }`;
    case 'float':
      return 'at += 4;';
    case 'double':
      return 'at += 8;';
    case 'string':
    case 'bytes':
      return skipBytesCode;
    case 'fixed':
      return `at += ${type.size};`;
    case 'record':
      return type.fields.map((field) => plainSkipCode(field.type)).join(' ');
    case 'union':
      return `${indexCode(type.branches.length)} switch (v) { ${type.branches
        .map((branch, index) => `case ${index}: { ${plainSkipCode(branch)} break; }`)
        .join(' ')} }`;
    case 'array':
    case 'map':
      return skipBlocksCode(type);
  }
}

/** A length below 64 is an even byte below 128; a place beyond the record's end is seen when it is finished. */
const skipBytesCode = `b = bytes[at]; if ((b & 129) === 0) at += 1 + (b >> 1); else { ${byCursor('cursor.skipBytes();')} }`;

/** Lists nest, so each has its own count. */
function skipBlocksCode(type: Extract<AvroType, { kind: 'array' | 'map' }>): string {
  // Items without bytes are passed all at once: a block may name any number of them.
  const isOfNothing = type.kind === 'array' && isEmpty(type.values);
  const item = isOfNothing ? 'n = 1;' : `${type.kind === 'map' ? skipBytesCode : ''}${plainSkipCode(type.values)}`;
  const isLive = 'cursor.problem === null && at < cursor.end';
  const next = byCursor('n = cursor.long();');
  return `{ let n = 0; ${next} while (n !== 0 && ${isLive}) {
    if (n < 0) { ${byCursor('cursor.skipSized();')} }
    else for (; n > 0 && ${isLive}; n--) { ${item} }
    ${next}
  } }`;
}
