import type { AvroRecord, AvroType } from '../events/avro/schema.ts';
import type { AvroCursor } from './avro-cursor.ts';

/**
 * Passes over values that nobody reads, whatever they are: types that refer to themselves, lists of lists,
 * numbers of 64 bits. What is still to be passed lies on a list, not on the stack, so no depth of a
 * value is too deep; and each step but few takes a byte, so no value takes longer than its bytes.
 */
export function skipValue(cursor: AvroCursor, type: AvroType): void {
  const todo: Work[] = [type];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (cursor.problem !== null || cursor.at > cursor.end) return;
    skipOne(cursor, next, todo);
  }
}

/** A type, or what is left of a record or of a block. */
type Work = AvroType | Fields | Items;

interface Fields {
  readonly kind: 'fields';
  readonly of: readonly AvroType[];
  next: number;
}

interface Items {
  readonly kind: 'items';
  readonly of: Extract<AvroType, { kind: 'array' | 'map' }>;
  left: number;
}

function skipOne(cursor: AvroCursor, work: Work, todo: Work[]): void {
  switch (work.kind) {
    case 'record':
      todo.push({ kind: 'fields', of: fieldsOf(work), next: 0 });
      return;
    case 'fields':
      if (work.next === work.of.length) return;
      if (work.next + 1 < work.of.length) todo.push(work);
      todo.push(work.of[work.next]);
      work.next += 1;
      return;
    case 'union':
      todo.push(work.branches[cursor.symbol(work.branches.length)]);
      return;
    case 'array':
    case 'map':
      return openBlock(cursor, work, todo);
    case 'items':
      work.left -= 1;
      todo.push(work.left > 0 ? work : work.of);
      if (work.of.kind === 'map') cursor.skipBytes();
      todo.push(work.of.values);
      return;
    default:
      skipPlain(cursor, work);
  }
}

/** A block that says its size is passed at once, and so are items that have no bytes. */
function openBlock(cursor: AvroCursor, list: Items['of'], todo: Work[]): void {
  const count = cursor.long();
  if (count === 0) return;
  if (count < 0) {
    cursor.skipSized();
    todo.push(list);
  } else if (list.kind === 'array' && isEmpty(list.values)) todo.push(list);
  else todo.push({ kind: 'items', of: list, left: count });
}

function skipPlain(cursor: AvroCursor, type: Exclude<AvroType, { kind: 'record' | 'union' | 'array' | 'map' }>): void {
  switch (type.kind) {
    case 'null':
      return;
    case 'boolean':
      return cursor.skip(1);
    case 'int':
    case 'long':
    case 'enum':
      return cursor.skipLong();
    case 'float':
      return cursor.skip(4);
    case 'double':
      return cursor.skip(8);
    case 'string':
    case 'bytes':
      cursor.skipBytes();
      return;
    case 'fixed':
      return cursor.skip(type.size);
  }
}

const emptiness = new WeakMap<AvroType, boolean>();

/** Whether values of the type have no bytes. */
export function isEmpty(type: AvroType): boolean {
  if (type.kind === 'null') return true;
  if (type.kind === 'fixed') return type.size === 0;
  if (type.kind !== 'record') return false;
  let answer = emptiness.get(type);
  if (answer === undefined) {
    answer = type.fields.every((field) => isEmpty(field.type));
    emptiness.set(type, answer);
  }
  return answer;
}

const fieldTypes = new WeakMap<AvroRecord, readonly AvroType[]>();

/**
 * The types of a record's fields that have bytes. A record of one such field is that field: so what is
 * nested has at least two parts at each level, and there are fewer levels in a value than bytes.
 */
function fieldsOf(record: AvroRecord): readonly AvroType[] {
  let types = fieldTypes.get(record);
  if (types === undefined) {
    types = record.fields.map((field) => field.type).filter((type) => !isEmpty(type));
    while (types.length === 1 && types[0].kind === 'record') {
      types = types[0].fields.map((field) => field.type).filter((type) => !isEmpty(type));
    }
    fieldTypes.set(record, types);
  }
  return types;
}

/** Whether so few plain values make one of the type that code for each of them is worth its place. */
export function isPlain(type: AvroType): boolean {
  return partsOf(type, plainPartsMax) <= plainPartsMax;
}

const plainPartsMax = 16;

/** Parts of a type with all that it names unfolded, as far as `most`; a type that holds itself has no end of them. */
function partsOf(type: AvroType, most: number): number {
  let parts = 1;
  for (const inner of innerOf(type)) {
    if (parts > most) break;
    parts += partsOf(inner, most - parts);
  }
  return parts;
}

function innerOf(type: AvroType): readonly AvroType[] {
  if (type.kind === 'record') return type.fields.map((field) => field.type);
  if (type.kind === 'union') return type.branches;
  return type.kind === 'array' || type.kind === 'map' ? [type.values] : [];
}
