type Column = Float64Array | Int32Array | Uint8Array;

/** A copy of the column with room for `length`, zeros behind what was there. */
export function grown<Kind extends Column>(column: Kind, length: number): Kind {
  const next = new (column.constructor as new (length: number) => Kind)(length);
  next.set(column);
  return next;
}

type NumberColumn = Float64Array | Int32Array;
type ViewOf<Kind> = new (memory: SharedArrayBuffer, start: 0, length: number) => Kind;

/**
 * The column with room for `length`, zeros behind what was there; a large one grows where it lies, so
 * that nothing is copied and no old column becomes garbage. Such memory is a SharedArrayBuffer, though
 * nobody shares it: only those grow while views of a fixed length stay as fast as any, and V8 does not
 * mark its whole heap for every 64 MB that they have grown.
 */
export function grownInPlace<Kind extends NumberColumn>(column: Kind, length: number): Kind {
  const bytes = length * column.BYTES_PER_ELEMENT;
  if (length === column.length) return column;
  if (bytes < growableBytesMin) return grown(column, length);
  const View = column.constructor as ViewOf<Kind>;
  const memory: ArrayBufferLike = column.buffer;
  if (memory instanceof SharedArrayBuffer && memory.maxByteLength >= bytes) {
    memory.grow(bytes);
    return new View(memory, 0, length);
  }
  const next = new View(new SharedArrayBuffer(bytes, { maxByteLength: bytes * reservedTimes }), 0, length);
  next.set(column);
  return next;
}

/** Below it a copy costs less than memory pages of its own, of which a process may have some ten thousand. */
const growableBytesMin = 65_536;
/** Addresses only, no memory: a column is moved once for every sixteen times that it has grown. */
const reservedTimes = 16;
