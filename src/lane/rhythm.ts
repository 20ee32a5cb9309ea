import type { SourcePlan } from '../rules/plan.ts';
import type { Organization } from './organization.ts';

/** Three steps tell the usual one from a step that came late, and forget a change of habit soon. */
const stepsKept = 3;

/** Notes that a source moved by `step` ms. */
export function noteStep({ rhythms }: Organization, source: string, step: number): void {
  const steps = rhythms.get(source) ?? [];
  steps.push(step);
  if (steps.length > stepsKept) steps.shift();
  rhythms.set(source, steps);
}

/** How far a source moves at a time, ms: as declared, else the middle one of its last steps; 0 = continuously. */
export function rhythmOf({ rhythms }: Organization, name: string, source: SourcePlan): number {
  if (source.expected_interval_ms > 0 || !source.heartbeats) return source.expected_interval_ms;
  const steps = rhythms.get(name) ?? [];
  return steps.toSorted((a, b) => a - b)[(steps.length - 1) >> 1] ?? 0;
}
