import { assert } from './errors.ts';

/**
 * An exact integer of any size: a number while it is a safe integer, a bigint beyond. Sums of money
 * are nearly always the former, and arithmetic over bigints makes an object a step. Comparing the two
 * kinds with < and > is exact in the language itself.
 */
export type Whole = number | bigint;

/** A sum or product of safe integers is exact when it is one itself. */
export function isSafe(value: number): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER;
}

/** The one form of a value. */
export function whole(value: bigint): Whole {
  const small = Number(value);
  return isSafe(small) ? small : value;
}

export function plus(a: Whole, b: Whole): Whole {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (isSafe(sum)) return sum;
  }
  return whole(BigInt(a) + BigInt(b));
}

export function minus(a: Whole, b: Whole): Whole {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (isSafe(difference)) return difference;
  }
  return whole(BigInt(a) - BigInt(b));
}

export function times(a: Whole, b: Whole): Whole {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    if (isSafe(product)) return product + 0; // Never -0.
  }
  return whole(BigInt(a) * BigInt(b));
}

/** The value, or 0 in place of a negative one. */
export function positive(value: Whole): Whole {
  return value > 0 ? value : 0;
}

/** The quotient rounded towards minus infinity, the one rounding of this product. */
export function floorOver(dividend: Whole, divisor: Whole): Whole {
  return floorShare(dividend, 1, divisor);
}

/** `value * part / of` of the exact product, rounded towards minus infinity; `of` is positive. */
export function floorShare(value: Whole, part: Whole, of: Whole): Whole {
  if (typeof value === 'number' && typeof part === 'number' && typeof of === 'number') {
    const quick = quickShare(value, part, of);
    if (!Number.isNaN(quick)) return quick;
  }
  const divisor = BigInt(of);
  assert(divisor > 0n, 'a share is taken of a positive number');
  const dividend = BigInt(value) * BigInt(part);
  const quotient = dividend / divisor;
  return whole(dividend % divisor < 0n ? quotient - 1n : quotient);
}

/** `value * part / of` of the exact product, rounded towards plus infinity; `of` is positive. */
export function ceilShare(value: Whole, part: Whole, of: Whole): Whole {
  return minus(0, floorShare(minus(0, value), part, of));
}

/** Up to here four divisors are a safe integer: see `quickShare`. */
const divisorMax = 2 ** 50;

/**
 * The share in doubles, or NaN where they do not reach. The quotient of the rounded product is off by
 * a few at most; the remainder that it leaves is exact, because products are taken as two doubles
 * (Dekker, "A floating-point technique for extending the available precision", 1971), and says by how many.
 */
function quickShare(value: number, part: number, of: number): number {
  if (!(of > 0 && of <= divisorMax)) return Number.NaN;
  const product = value * part;
  let quotient = Math.floor(product / of);
  if (!isSafe(quotient)) return Number.NaN;
  const back = quotient * of;
  let rest = product - back + (productError(value, part, product) - productError(quotient, of, back));
  for (; rest < 0; rest += of) quotient -= 1;
  for (; rest >= of; rest -= of) quotient += 1;
  return isSafe(quotient) ? quotient + 0 : Number.NaN; // Never -0.
}

/** What the double `product` lacks of the exact `a * b`. */
function productError(a: number, b: number, product: number): number {
  if (isSafe(product)) return 0;
  const highA = highBits(a);
  const lowA = a - highA;
  const highB = highBits(b);
  const lowB = b - highB;
  return highA * highB - product + highA * lowB + lowA * highB + lowA * lowB;
}

/** The upper 26 bits of a double's 53. */
function highBits(value: number): number {
  const scaled = value * 134_217_729; // 2^27 + 1 (Veltkamp's split).
  return scaled - (scaled - value);
}

/** The largest whole number whose square is not above the value, which is not negative (Newton's method from above). */
export function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
