/**
 * Kafka's default partitioner: murmur2 of the key bytes, sign bit cleared, modulo partitions.
 * Source: apache/kafka Utils.murmur2 (seed 0x9747b28c), BuiltInPartitioner.partitionForKey.
 */
export function partitionOfKey(bytes: Uint8Array, start: number, end: number, partitions: number): number {
  return (murmur2(bytes, start, end) & 0x7fffffff) % partitions;
}

export function murmur2(bytes: Uint8Array, start: number, end: number): number {
  const m = 0x5bd1e995;
  const length = end - start;
  let h = (0x9747b28c ^ length) | 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    let k = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = end - at;
  if (rest === 3) h ^= bytes[at + 2] << 16;
  if (rest >= 2) h ^= bytes[at + 1] << 8;
  if (rest >= 1) {
    h ^= bytes[at];
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return (h ^ (h >>> 15)) | 0;
}

/** FNV-1a, 32 bits, over UTF-16 code units of ASCII text: staggers timers (docs/semantics.md). */
export function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
