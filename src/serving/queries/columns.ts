import * as z from 'zod';
import type { Column, Table } from '../../rows/tables.ts';

/**
 * Rows of tables as JSON says them, derived from the columns: what money and exact decimals are stays text, so that no
 * digit is lost; instants are RFC 3339 in UTC; a row's version is `generation:offset`.
 */
export type Json = string | number | null;

/** A row as ClickHouse's JSON has it: 64-bit integers and decimals are text. */
export type RawRow = Readonly<Record<string, unknown>>;

/** How exact numbers are spelt: doors with types of their own tell them by it. */
export const spelling = {
  micros: /^-?\d{1,19}$/,
  decimal: /^-?\d{1,12}(\.\d{1,6})?$/,
  version: /^\d{1,5}:\d{1,15}$/,
} as const;
export const micros = z.string().regex(spelling.micros);
export const decimal = z.string().regex(spelling.decimal);
export const instant = z.iso.datetime({ precision: 3 });
export const versionText = z.string().regex(spelling.version);
/** JSON has no 64-bit integer; counters and basis points stay far below what a double holds exactly. */
const count = z.number().int();

/** The members of a row, by the names of its columns, each with the words of the table. */
export function rowShape<T extends Table, const Names extends readonly T['columns'][number]['name'][]>(
  table: T,
  names: Names,
): { [Name in Names[number]]: z.ZodType<Json> } {
  const shape = names.map((name) => {
    const column = columnOf(table, name);
    return [name, typeOf(column).describe(column.doc)];
  });
  return Object.fromEntries(shape) as { [Name in Names[number]]: z.ZodType<Json> };
}

/** The same members of a raw row, as JSON says them. */
export function rowJson<T extends Table, const Names extends readonly T['columns'][number]['name'][]>(
  table: T,
  names: Names,
  row: RawRow,
): { [Name in Names[number]]: Json } {
  const told: Record<string, Json> = {};
  for (const { name, say } of spellersOf(table, names)) {
    const value = row[name];
    told[name] = value === null || value === undefined ? null : say(String(value));
  }
  return told as { [Name in Names[number]]: Json };
}

interface Speller {
  readonly name: string;
  say(text: string): Json;
}

/** By the list of names, which each operation has one of: a long answer would look up its columns for every value. */
const spellers = new WeakMap<readonly string[], readonly Speller[]>();

function spellersOf(table: Table, names: readonly string[]): readonly Speller[] {
  const known = spellers.get(names);
  if (known !== undefined) return known;
  const made = names.map((name) => ({ name, say: spellerOf(columnOf(table, name)) }));
  spellers.set(names, made);
  return made;
}

function columnOf(table: Table, name: string): Column {
  const found = table.columns.find((column) => column.name === name);
  if (found === undefined) throw new TypeError(`${table.name} has no column ${name}`);
  return found;
}

function typeOf(column: Column): z.ZodType<Json> {
  const { type } = column;
  if (type.startsWith('Nullable')) return plainTypeOf(column).nullable();
  return plainTypeOf(column);
}

function plainTypeOf({ name, type }: Column): z.ZodType<Json> {
  if (type.includes('DateTime64')) return instant;
  if (type === 'Date32') return z.iso.date();
  if (type.includes('String')) return z.string();
  if (type.startsWith('Decimal')) return decimal;
  if (name === 'version') return versionText;
  if (isExact(name)) return micros;
  return count;
}

function spellerOf({ name, type }: Column): Speller['say'] {
  if (type.includes('DateTime64')) return instantOf;
  if (name === 'version') return versionOf;
  if (type === 'Date32' || type.includes('String') || type.startsWith('Decimal') || isExact(name))
    return (text) => text;
  return Number;
}

/** Money, and what goals count, which may be money. */
function isExact(name: string): boolean {
  return /(^|_)micros(_|$)|^goal_/.test(name);
}

/** `2026-01-05 00:00:00.000`, as ClickHouse prints instants in UTC. */
export function instantOf(text: string): string {
  return `${text.replace(' ', 'T')}Z`;
}

export function versionOf(text: string): string {
  const version = BigInt(text);
  return `${version >> 48n}:${version & 0xffff_ffff_ffffn}`;
}
