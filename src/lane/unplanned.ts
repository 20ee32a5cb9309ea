import type { AlertState } from '../rules/alert-state.ts';
import type { Campaign } from './campaign.ts';
import type { DayAmounts } from './unplanned-spend.ts';

/** What is remembered of a campaign about money that nobody planned (docs/semantics.md §9). */
export class Unplanned {
  /** Its timer runs until then, whatever its flights. */
  watchedUntil = Number.NEGATIVE_INFINITY;
  #said: Map<number, DayAmounts> | null = null;
  #alerts: Map<string, AlertState> | null = null;

  /** What the table says of days that have some, by local day. */
  get said(): ReadonlyMap<number, DayAmounts> {
    return this.#said ?? nothingSaid;
  }

  say(day: number, amounts: DayAmounts): void {
    this.#said ??= new Map();
    this.#said.set(day, amounts);
  }

  unsay(day: number): void {
    this.#said?.delete(day);
  }

  get hasAlerts(): boolean {
    return this.#alerts !== null && this.#alerts.size > 0;
  }

  /** Not only some that are kept for what people were told. */
  get hasOpenAlerts(): boolean {
    // Asked at every timer: nothing is made where there are none.
    if (this.#alerts !== null) for (const { state } of this.#alerts.values()) if (state !== 'ok') return true;
    return false;
  }

  /** Of rules of scope `campaign`, by id; only alerts that are not plainly ok. Made when asked for: nearly nobody has any. */
  get alerts(): Map<string, AlertState> {
    this.#alerts ??= new Map();
    return this.#alerts;
  }

  get isEmpty(): boolean {
    return this.watchedUntil === Number.NEGATIVE_INFINITY && this.said.size === 0 && !this.hasAlerts;
  }
}

const nothingSaid: ReadonlyMap<number, DayAmounts> = new Map();

export function isWatched({ unplanned }: Campaign, at: number): boolean {
  return unplanned !== null && at < unplanned.watchedUntil;
}
