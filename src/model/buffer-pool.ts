/**
 * Memory that was given back, for the next who needs as much: lanes of a thread take turns at growing
 * and emptying their buffers, and megabytes as garbage would have the collector run for them alone.
 * Only for buffers that nobody else can still hold.
 */
const free = new Map<number, ArrayBuffer[]>();
/** Bytes in `free`. */
let freeBytes = 0;
/** What a few lanes give back in one round of commits; more goes to the collector. */
const freeBytesMax = 16 * 1024 * 1024;
/** Of one size, so that many small ones do not keep the large ones out. */
const freeOfSizeMax = 16;

/** Memory of a power of two of at least `bytes`; what others wrote is still in it. */
export function takeUsedBuffer(bytes: number): ArrayBuffer {
  const size = 2 ** Math.ceil(Math.log2(bytes));
  const taken = free.get(size)?.pop();
  if (taken === undefined) return new ArrayBuffer(size);
  freeBytes -= size;
  return taken;
}

/** The buffer came from `takeUsedBuffer`, and its owner has let go of it. */
export function giveBuffer(buffer: ArrayBuffer): void {
  const size = buffer.byteLength;
  const list = free.get(size) ?? [];
  if (freeBytes + size > freeBytesMax || list.length === freeOfSizeMax) return;
  freeBytes += size;
  list.push(buffer);
  free.set(size, list);
}
