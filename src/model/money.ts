import { assert } from './errors.ts';

/**
 * Money is integer micros of an ISO-4217 unit. Spend is summed in *nanos* (1 micro = 1000 nanos),
 * because one impression at a CPM of `cpm_micros` costs exactly `cpm_micros` nanos: no rounding per
 * event, one floor per read (docs/semantics.md, "Money").
 */
export const nanosPerMicro = 1_000;
export const microsPerUnit = 1_000_000;
/** One event may carry at most this many micros; larger is a dead letter `money_out_of_range`. */
export const eventMicrosMax = Number.MAX_SAFE_INTEGER;

const safeMax = Number.MAX_SAFE_INTEGER;

/**
 * A column of exact integer sums. Almost every cell stays a safe integer in a Float64Array; a cell
 * that outgrows 2^53 spills into a bigint beside it, so sums are exact to any size.
 */
export class ExactSums {
  #small: Float64Array;
  #large: Map<number, bigint> | undefined;

  constructor(capacity: number) {
    this.#small = new Float64Array(capacity);
  }

  get capacity(): number {
    return this.#small.length;
  }

  grow(capacity: number): void {
    assert(capacity >= this.#small.length, 'sums only grow');
    const next = new Float64Array(capacity);
    next.set(this.#small);
    this.#small = next;
  }

  add(index: number, amount: number): void {
    const sum = this.#small[index] + amount;
    if (sum <= safeMax && sum >= -safeMax) this.#small[index] = sum;
    else this.#spill(index, BigInt(this.#small[index]) + BigInt(amount));
  }

  addExact(index: number, amount: bigint): void {
    this.set(index, this.get(index) + amount);
  }

  /** Adds `amount * factor`, exact even where the product leaves the safe integers. */
  addProduct(index: number, amount: number, factor: number): void {
    const product = amount * factor;
    if (product <= safeMax && product >= -safeMax) this.add(index, product);
    else this.addExact(index, BigInt(amount) * BigInt(factor));
  }

  get(index: number): bigint {
    const small = BigInt(this.#small[index]);
    const large = this.#large?.get(index);
    return large === undefined ? small : small + large;
  }

  set(index: number, value: bigint): void {
    this.#large?.delete(index);
    if (value <= BigInt(safeMax) && value >= -BigInt(safeMax)) this.#small[index] = Number(value);
    else {
      this.#small[index] = 0;
      this.#large ??= new Map();
      this.#large.set(index, value);
    }
  }

  clear(index: number): void {
    this.#small[index] = 0;
    this.#large?.delete(index);
  }

  /** The sum as a double when it is a safe integer, else undefined: the fast path of readers. */
  getSafe(index: number): number | undefined {
    return this.#large?.has(index) ? undefined : this.#small[index];
  }

  /** Every sum is a safe integer in `small`: readers may loop over plain doubles. */
  get isSmall(): boolean {
    return this.#large === undefined || this.#large.size === 0;
  }
  get small(): Float64Array {
    return this.#small;
  }

  #spill(index: number, small: bigint): void {
    this.#large ??= new Map();
    this.#large.set(index, (this.#large.get(index) ?? 0n) + small);
    this.#small[index] = 0;
  }
}

/** Quotient rounded towards minus infinity, the one rounding of this product. */
export function floorDiv(dividend: bigint, divisor: bigint): bigint {
  assert(divisor > 0n, 'floorDiv divides by a positive number');
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

export function nanosToMicros(nanos: bigint): bigint {
  return floorDiv(nanos, 1_000n);
}

/** One exact integer sum; what `ExactSums` is for a column. */
export class ExactSum {
  #small = 0;
  #large = 0n;

  get value(): bigint {
    return this.#large + BigInt(this.#small);
  }
  /** The sum as a number where it is a safe integer, else as it is: cheap to write down. */
  get compact(): number | bigint {
    return this.#large === 0n ? this.#small : this.value;
  }
  set value(value: bigint) {
    const isSmall = value <= BigInt(safeMax) && value >= -BigInt(safeMax);
    this.#small = isSmall ? Number(value) : 0;
    this.#large = isSmall ? 0n : value;
  }

  add(amount: number): void {
    const sum = this.#small + amount;
    if (sum <= safeMax && sum >= -safeMax) this.#small = sum;
    else {
      this.#large += BigInt(this.#small) + BigInt(amount);
      this.#small = 0;
    }
  }

  addExact(amount: bigint): void {
    this.#large += amount;
  }

  /** For sums in nanos: adds micros · 1000 + nanos. */
  addMicros(micros: number, nanos: number): void {
    const product = micros * nanosPerMicro;
    if (product <= safeMax && product >= -safeMax) this.add(product);
    else this.addExact(BigInt(micros) * 1_000n);
    if (nanos !== 0) this.add(nanos);
  }

  /** For sums in nanos: the floor in micros. */
  get micros(): number | bigint {
    return microsOf(this.compact);
  }
}

/** The floor in micros of a sum in nanos; a number is a safe integer. */
export function microsOf(nanos: number | bigint): number | bigint {
  if (typeof nanos === 'bigint') return nanosToMicros(nanos);
  // By the remainder: a quotient near 2^53 / 1000 may round up before it is floored.
  const rest = nanos % nanosPerMicro;
  return (nanos - (rest < 0 ? rest + nanosPerMicro : rest)) / nanosPerMicro;
}
