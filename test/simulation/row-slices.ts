import { hash } from 'node:crypto';
import type { ColumnType, Table } from '../../src/rows/tables.ts';

/** A row of RowBinary that was found, not decoded: its identity, its version, its bytes. */
export interface FoundRow {
  /** Bytes of the key columns, as latin1 text. */
  readonly key: string;
  readonly version: bigint;
  /** The whole row, as latin1 text. */
  readonly bytes: string;
}

const known = new Map<string, readonly FoundRow[]>();
const knownMax = 2_000;

/** The rows of a chunk; a chunk that was seen lately is not walked again. */
export function findRows(table: Table, bytes: Uint8Array): readonly FoundRow[] {
  const name = `${table.name} ${hash('md5', bytes, 'base64')}`;
  let rows = known.get(name);
  if (rows === undefined) {
    rows = walk(table, bytes);
    if (known.size >= knownMax) known.clear();
    known.set(name, rows);
  }
  return rows;
}

function walk(table: Table, bytes: Uint8Array): FoundRow[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const columns = table.columns.map(({ name, type }) => ({
    skip: skipOf(type),
    isKey: table.key.includes(name),
    isVersion: name === 'version',
  }));
  const rows: FoundRow[] = [];
  for (let at = 0; at < view.length; ) {
    const start = at;
    let key = '';
    let version = 0n;
    for (const { skip, isKey, isVersion } of columns) {
      const end = skip(view, at);
      if (isKey) key += `${view.toString('latin1', at, end)}\0`;
      if (isVersion) version = view.readBigUInt64LE(at);
      at = end;
    }
    rows.push({ key, version, bytes: view.toString('latin1', start, at) });
  }
  return rows;
}

type Skip = (view: Buffer, at: number) => number;

function skipOf(type: ColumnType): Skip {
  if (type === 'String' || type === 'LowCardinality(String)') return skipText;
  const width = widthOf(type.startsWith('Nullable(') ? type.slice(9, -1) : type);
  if (!type.startsWith('Nullable(')) return (_, at) => at + width;
  return (view, at) => at + 1 + (view[at] === 1 ? 0 : width);
}

function skipText(view: Buffer, at: number): number {
  let length = 0;
  let shift = 0;
  for (;;) {
    const byte = view[at++];
    length |= (byte & 127) << shift;
    if (byte < 128) return at + length;
    shift += 7;
  }
}

function widthOf(type: string): number {
  if (type === 'UInt8') return 1;
  if (type === 'UInt16') return 2;
  return type === 'UInt32' || type === 'Int32' || type === 'Date32' ? 4 : 8;
}
