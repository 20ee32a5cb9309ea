import { createHash } from 'node:crypto';

/** 32-bit FNV-1a, written from its definition with exact integers. */
export function fnv1a(text: string): number {
  let hash = 2_166_136_261n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 16_777_619n) & 0xffffffffn;
  return Number(hash);
}

/** Partition of a key by Kafka's murmur2, written from its definition with exact integers. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  const mask = 0xffffffffn;
  const m = 0x5bd1e995n;
  let h = (0x9747b28cn ^ BigInt(key.length)) & mask;
  const whole = key.length - (key.length % 4);
  for (let at = 0; at < whole; at += 4) {
    let k = BigInt(Buffer.from(key).readUInt32LE(at));
    k = (k * m) & mask;
    k ^= k >> 24n;
    k = (k * m) & mask;
    h = ((h * m) & mask) ^ k;
  }
  const tail = key.subarray(whole);
  if (tail.length > 0) {
    for (let i = tail.length - 1; i >= 0; i--) h ^= BigInt(tail[i]) << BigInt(8 * i);
    h = (h * m) & mask;
  }
  h ^= h >> 13n;
  h = (h * m) & mask;
  h ^= h >> 15n;
  return Number(h & 0x7fffffffn) % partitions;
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
