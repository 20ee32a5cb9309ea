/**
 * CityHash128 of version 1.0.2, the checksum of ClickHouse's compressed blocks. Later versions of CityHash
 * give other values. By the description in https://github.com/google/cityhash.
 */
const k0 = 0xc3a5c85c97cb3127n;
const k1 = 0xb492b66fbe98f273n;
const k2 = 0x9ae16a3b2f90404fn;
const k3 = 0xc949d7c7509e6557n;
const kMul = 0x9ddfea08eb382d69n;

type Pair = readonly [low: bigint, high: bigint];

/** 16 bytes, little-endian: the low half first, as it stands before a block. */
export function cityHash128(bytes: Buffer): Buffer {
  const { length } = bytes;
  const [low, high] =
    length >= 16
      ? hashSeeded(bytes.subarray(16), [word(bytes, 0) ^ k3, word(bytes, 8)])
      : length >= 8
        ? hashSeeded(bytes.subarray(0, 0), [word(bytes, 0) ^ cut(BigInt(length) * k0), word(bytes, length - 8) ^ k1])
        : hashSeeded(bytes, [k0, k1]);
  const hash = Buffer.allocUnsafe(16);
  hash.writeBigUInt64LE(low, 0);
  hash.writeBigUInt64LE(high, 8);
  return hash;
}

function hashSeeded(bytes: Buffer, seed: Pair): Pair {
  if (bytes.length < 128) return murmur(bytes, seed);
  let [x, y] = seed;
  let z = cut(BigInt(bytes.length) * k1);
  const v0 = cut(rotate(y ^ k1, 49) * k1 + word(bytes, 0));
  let v: Pair = [v0, cut(rotate(v0, 42) * k1 + word(bytes, 8))];
  let w: Pair = [cut(rotate(cut(y + z), 35) * k1 + x), cut(rotate(cut(x + word(bytes, 88)), 53) * k1)];
  let at = 0;
  // Two rounds of 64 bytes each time; what is left is less than both.
  for (const end = bytes.length - (bytes.length % 128); at < end; at += 64) {
    x = cut(rotate(cut(x + y + v[0] + word(bytes, at + 16)), 37) * k1) ^ w[1];
    y = cut(rotate(cut(y + v[1] + word(bytes, at + 48)), 42) * k1) ^ v[0];
    z = rotate(z ^ w[0], 33);
    v = weak(bytes, at, cut(v[1] * k1), cut(x + w[0]));
    w = weak(bytes, at + 32, cut(z + w[1]), y);
    [z, x] = [x, z];
  }
  y = cut(y + rotate(w[0], 37) * k0 + z);
  x = cut(x + rotate(cut(v[0] + z), 49) * k0);
  for (let done = 32; done - 32 < bytes.length - at; done += 32) {
    y = cut(rotate(cut(y - x), 42) * k0 + v[1]);
    w = [cut(w[0] + word(bytes, bytes.length - done + 16)), w[1]];
    x = cut(rotate(x, 49) * k0 + w[0]);
    w = [cut(w[0] + v[0]), w[1]];
    v = weak(bytes, bytes.length - done, v[0], v[1]);
  }
  x = mix(x, v[0]);
  y = mix(y, w[0]);
  return [cut(mix(cut(x + v[1]), w[1]) + y), mix(cut(x + w[1]), cut(y + v[1]))];
}

/** For what is short. */
function murmur(bytes: Buffer, [seedLow, seedHigh]: Pair): Pair {
  const { length } = bytes;
  let a = seedLow;
  let b = seedHigh;
  let c: bigint;
  let d: bigint;
  if (length <= 16) {
    a = cut(shift(cut(a * k1)) * k1);
    c = cut(b * k1 + short(bytes));
    d = shift(cut(a + (length >= 8 ? word(bytes, 0) : c)));
  } else {
    c = mix(cut(word(bytes, length - 8) + k1), a);
    d = mix(cut(b + BigInt(length)), cut(c + word(bytes, length - 16)));
    a = cut(a + d);
    for (let at = 0; at < length - 16; at += 16) {
      a = cut((a ^ cut(shift(cut(word(bytes, at) * k1)) * k1)) * k1);
      b ^= a;
      c = cut((c ^ cut(shift(cut(word(bytes, at + 8) * k1)) * k1)) * k1);
      d ^= c;
    }
  }
  a = mix(a, c);
  b = mix(d, b);
  return [a ^ b, mix(b, a)];
}

/** At most 16 bytes. */
function short(bytes: Buffer): bigint {
  const { length } = bytes;
  const size = BigInt(length);
  if (length > 8) {
    const last = word(bytes, length - 8);
    return mix(word(bytes, 0), rotate(cut(last + size), length)) ^ last;
  }
  if (length >= 4) return mix(size + (BigInt(bytes.readUInt32LE(0)) << 3n), BigInt(bytes.readUInt32LE(length - 4)));
  if (length === 0) return k2;
  const y = BigInt(bytes[0] + (bytes[length >> 1] << 8));
  const z = BigInt(length + (bytes[length - 1] << 2));
  return cut(shift(cut(y * k2) ^ cut(z * k3)) * k2);
}

function weak(bytes: Buffer, at: number, seedA: bigint, seedB: bigint): Pair {
  const z = word(bytes, at + 24);
  const a = cut(seedA + word(bytes, at));
  const b = rotate(cut(seedB + a + z), 21);
  const sum = cut(a + word(bytes, at + 8) + word(bytes, at + 16));
  return [cut(sum + z), cut(b + rotate(sum, 44) + a)];
}

/** Two words to one. */
function mix(low: bigint, high: bigint): bigint {
  const a = shift(cut((low ^ high) * kMul));
  return cut(shift(cut((high ^ a) * kMul)) * kMul);
}

function shift(value: bigint): bigint {
  return value ^ (value >> 47n);
}

function rotate(value: bigint, by: number): bigint {
  return (value >> BigInt(by)) | cut(value << BigInt(64 - by));
}

function cut(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function word(bytes: Buffer, at: number): bigint {
  return bytes.readBigUInt64LE(at);
}
