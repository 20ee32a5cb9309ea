import { defaultPlanOrg } from '../model/ids.ts';
import type { LaneLimits } from '../model/lane-limits.ts';
import type { Plan } from '../rules/plan.ts';
import { type DuplicateWindow, duplicateWindowOf, usualWindow } from './plan-bounds.ts';

/** How long the ids of all organizations of a lane have to be remembered: as long as the most patient of its plans says. */
export class DuplicateWindows {
  readonly #limits: LaneLimits;
  /** By organization, `_default` included. */
  readonly #planned = new Map<string, DuplicateWindow>();
  /** Organizations that were met and have no plan of their own. */
  readonly #unplanned = new Set<string>();
  #longest: DuplicateWindow;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
    this.#longest = usualWindow(limits);
  }

  /** No delivery id is remembered for longer, nor over more records. */
  get longest(): DuplicateWindow {
    return this.#longest;
  }

  plan(orgId: string, plan: Plan): void {
    this.#planned.set(orgId, duplicateWindowOf(plan, this.#limits));
    this.#unplanned.delete(orgId);
    this.#longest = this.#find();
  }

  meet(orgId: string): void {
    if (this.#planned.has(orgId)) return;
    this.#unplanned.add(orgId);
    if (this.#unplanned.size === 1) this.#longest = this.#find();
  }

  forget(orgId: string): void {
    this.#unplanned.delete(orgId);
  }

  /** Who has no plan is remembered for the usual time; who was never met has nothing yet to be remembered. */
  #find(): DuplicateWindow {
    const windows = [...this.#planned.values()];
    const isUsual = windows.length === 0 || (this.#unplanned.size > 0 && !this.#planned.has(defaultPlanOrg));
    return (isUsual ? [...windows, usualWindow(this.#limits)] : windows).reduce(longer);
  }
}

function longer(a: DuplicateWindow, b: DuplicateWindow): DuplicateWindow {
  return b.ms > a.ms ? b : a;
}
