import type { PacingMode } from '../events/event-batch.ts';
import type { Zone } from '../model/zones.ts';
import { evenWeight, trafficWeight, type Weight } from '../pacing/pacing-weight.ts';
import { quarterWeights, zoneOfDaypart } from '../rules/daypart.ts';
import type { Plan } from '../rules/plan.ts';

/** What a campaign follows where its flight names no curve. */
interface Fallback {
  readonly profile: string | null;
  readonly daypart: string | undefined;
}

/** How a mode that goes by the local week weighs time (docs/semantics.md §6.4): where the plan has no such curve, evenly. */
export function findWeight(
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

function named(all: object, ...names: readonly (string | null | undefined)[]): string | undefined {
  return names.find((each): each is string => each != null && Object.hasOwn(all, each));
}
