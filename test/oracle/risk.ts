import { localDay, startOfDay } from './civil-time.ts';
import type { Pacing } from './pacing.ts';
import { floorDivide, larger, smaller } from './whole-numbers.ts';

/** What may have been spent unseen between as_of and the evaluation, micros (§7.5); null = nobody can say. */
export interface Risk {
  readonly unseen: bigint | null;
  readonly atRisk: bigint | null;
}

export const noRisk: Risk = { unseen: null, atRisk: null };

export function riskAt(pacing: Pacing, t: number): Risk {
  const { a, e, zone, rate, weight, cap, capAllowed, cost } = pacing;
  if (a >= e || rate.weight === 0n) return noRisk;
  const z = Math.min(Math.max(a, t), e);
  const unseen = floorDivide(larger(rate.spend, 0n) * weight.between(a, z), rate.weight);
  if (cost !== null) {
    const over = cost.limit === null ? 0n : larger(0n, unseen - larger(0n, cost.limit - cost.spend));
    return { unseen, atRisk: over };
  }
  let left = larger(0n, pacing.budget - pacing.spend);
  if (cap !== null && capAllowed !== null && z > a) {
    const first = localDay(zone, a);
    const later = BigInt(localDay(zone, z - 1) - first);
    const ofFirst = a === startOfDay(zone, first) ? capAllowed : larger(0n, capAllowed - pacing.daySpend);
    left = smaller(left, ofFirst + later * capAllowed);
  }
  return { unseen, atRisk: larger(0n, unseen - left) };
}
