import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { readPlan } from '../../rules/compile-plan.ts';
import type { LaneState } from '../lane-state.ts';
import type { Section } from './section.ts';

/** The newest plan of each organization, as it came: those since the last harvest, or all. */
export const plansSection: Section<LaneState> = {
  id: 4,
  name: 'plans',
  version: 1,

  write(out: ByteWriter, { plans, dirtyPlans }: LaneState, all: boolean): void {
    const ids = all ? [...plans.keys()] : [...dirtyPlans];
    if (ids.length === 0) return;
    out.count(ids.length);
    for (const id of ids) {
      out.text(id);
      out.text(plans.get(id)?.body ?? '');
    }
  },

  read: readPlans,

  settle({ dirtyPlans }: LaneState): void {
    dirtyPlans.clear();
  },
};

/** Version 1 is also how format 1 of a blob wrote them. */
export function readPlans(from: ByteReader, _version: number, state: LaneState): void {
  for (let n = from.count(); n > 0; n--) {
    const [id, body] = [from.text(), from.text()];
    state.restorePlan(id, readPlan(body), body);
  }
}
