/** Exact whole-number arithmetic. Everything rounds towards minus infinity. */
export const minute = 60_000;
export const quarter = 15 * minute;
export const hour = 60 * minute;
export const day = 24 * hour;

export function floorDivide(dividend: bigint, divisor: bigint): bigint {
  if (divisor === 0n) throw new Error('division by zero');
  if (divisor < 0n) return floorDivide(-dividend, -divisor);
  const remainder = ((dividend % divisor) + divisor) % divisor;
  return (dividend - remainder) / divisor;
}

export function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  return -floorDivide(-dividend, divisor);
}

/** Largest multiple of `grain` that is ≤ `x`. */
export function floorTo(x: number, grain: number): number {
  return Math.floor(x / grain) * grain;
}

/** The first instant > `after` that is ≡ `phase` mod `every`. */
export function nextInstant(after: number, phase: number, every: number): number {
  const wanted = phase % every;
  const candidate = floorTo(after, every) + wanted;
  return candidate > after ? candidate : candidate + every;
}

export function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
