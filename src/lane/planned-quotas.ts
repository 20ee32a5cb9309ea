import { defaultPlanOrg } from '../model/ids.ts';
import type { LaneLimits } from '../model/lane-limits.ts';
import { type AllQuotas, type Quotas, quotasOver, usualQuotas } from '../rules/quotas.ts';

/** What each organization may have of a lane (docs/semantics.md §2): what its plan in force says, else the usual. */
export class PlannedQuotas {
  readonly #usual: AllQuotas;
  readonly #byPlan = new Map<string, AllQuotas>();
  /** A plan said something of them once. */
  #isAnyOwn = false;

  constructor(limits: LaneLimits) {
    this.#usual = usualQuotas(limits);
  }

  /** Of a plan that comes into force, `_default` included. */
  put(orgId: string, own: Quotas | undefined): void {
    this.#isAnyOwn ||= own !== undefined;
    this.#byPlan.set(orgId, own === undefined ? this.#usual : quotasOver(this.#usual, own));
  }

  /** Whoever has no plan, such as `_system`, goes by the default plan. */
  of(orgId: string): AllQuotas {
    if (!this.#isAnyOwn) return this.#usual;
    return this.#byPlan.get(orgId) ?? this.#byPlan.get(defaultPlanOrg) ?? this.#usual;
  }
}
