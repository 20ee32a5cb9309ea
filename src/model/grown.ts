type Column = Float64Array | Int32Array | Uint8Array;

/** A copy of the column with room for `length`, zeros behind what was there. */
export function grown<Kind extends Column>(column: Kind, length: number): Kind {
  const next = new (column.constructor as new (length: number) => Kind)(length);
  next.set(column);
  return next;
}
