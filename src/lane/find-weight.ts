import type { PacingMode } from '../events/event-batch.ts';
import type { Zone } from '../model/zones.ts';
import { curveWeight, isCurve } from '../pacing/curve-weight.ts';
import type { WeightOf } from '../pacing/flight-ledger.ts';
import { evenWeight, trafficWeight, type Weight } from '../pacing/pacing-weight.ts';
import { quarterWeights, zoneOfDaypart } from '../rules/daypart.ts';
import type { CampaignPlan, Plan } from '../rules/plan.ts';
import type { FlightDates } from './campaign.ts';
import { weightOfCurve } from './custom-curve.ts';

/** What a campaign follows where its flight names no curve. */
interface Fallback {
  readonly profile: string | null;
  readonly daypart: string | undefined;
  readonly curve: string | undefined;
}

/** How a mode that goes by the local week weighs time (docs/semantics.md §6.4): where the plan has no such curve, evenly. */
function findWeight(
  { profiles, dayparts = {} }: Plan,
  mode: PacingMode,
  curve: string | null,
  fallback: Fallback,
  zone: Zone,
): Weight {
  if (mode === 'TRAFFIC') {
    const name = named(profiles, curve, fallback.profile);
    return name === undefined ? evenWeight : trafficWeight(zone, profiles[name]);
  }
  if (mode !== 'DAYPARTED') return evenWeight;
  const name = named(dayparts, curve, fallback.daypart);
  if (name === undefined) return evenWeight;
  const daypart = dayparts[name];
  return trafficWeight(zoneOfDaypart(daypart) ?? zone, quarterWeights(daypart));
}

/** The curve that a CUSTOM flight follows; null = the plan has none for it. */
export function curveOf({ curves = {} }: Plan, name: string | null, own: string | undefined) {
  const found = named(curves, name, own);
  return found === undefined ? null : curves[found];
}

function findCustom(
  plan: Plan,
  name: string | null,
  fallback: Fallback,
  zone: Zone,
  start: number,
  end: number,
): Weight {
  const curve = curveOf(plan, name, fallback.curve);
  if (curve === null) return evenWeight;
  const insideOf = (inside: 'even' | 'traffic') =>
    inside === 'even' ? evenWeight : findWeight(plan, 'TRAFFIC', null, fallback, zone);
  return weightOfCurve(curve, zone, start, end, insideOf) ?? evenWeight;
}

function goesByEnd(mode: PacingMode): boolean {
  return isCurve(mode) || mode === 'CUSTOM';
}

function named(all: object, ...names: readonly (string | null | undefined)[]): string | undefined {
  return names.find((each): each is string => each != null && Object.hasOwn(all, each));
}

/** How modes and curves weigh time for a flight of these dates, of a campaign of which the plan says `own`. */
export function makeWeightOf(plan: Plan, own: CampaignPlan, { start, zone }: FlightDates): WeightOf {
  const fallback = {
    profile: own.profile ?? plan.defaults.profile,
    daypart: own.daypart ?? plan.defaults.daypart,
    curve: own.curve,
  };
  // Asked several times an evaluation, nearly always for the same.
  let [lastMode, lastCurve, lastWeight]: [PacingMode, string | null, Weight] = ['EVEN', null, evenWeight];
  let lastEnd = Number.NaN;
  return (mode, curve, end) => {
    if (mode === lastMode && curve === lastCurve && (end === lastEnd || !goesByEnd(mode))) return lastWeight;
    [lastMode, lastCurve, lastEnd] = [mode, curve, end];
    if (isCurve(mode)) lastWeight = curveWeight(mode, start, end);
    else if (mode === 'CUSTOM') lastWeight = findCustom(plan, curve, fallback, zone, start, end);
    else lastWeight = findWeight(plan, mode, curve, fallback, zone);
    return lastWeight;
  };
}
