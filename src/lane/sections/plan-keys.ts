import type { PlanGate } from '../../rules/plan-gate.ts';
import type { LaneState } from '../lane-state.ts';
import type { Section } from './section.ts';

/** Who may sign the lane's plans, and whose plan in force is of the time before: all of it, whenever it changed. */
export function planKeysSection(gate: PlanGate): Section<LaneState> {
  return {
    id: 6,
    name: 'plan keys',
    version: 1,

    write(out, _lane, all): void {
      if (gate.ringBody === null || !(all || gate.isChanged)) return;
      out.text(gate.ringBody);
      const unsigned = gate.unsignedOrganizations;
      out.count(unsigned.length);
      for (const orgId of unsigned) out.text(orgId);
    },

    read(from): void {
      const ringBody = from.text();
      const unsigned = Array.from({ length: from.count() }, () => from.text());
      gate.restore(ringBody, unsigned);
    },

    settle(): void {
      gate.settle();
    },
  };
}
