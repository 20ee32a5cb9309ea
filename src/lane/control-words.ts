import { isAfterSettled } from '../pacing/flight-ledger.ts';
import { goalScale } from '../pacing/goal.ts';
import { type BudgetStep, type CreativeFacts, type CreativeWord, disapprovedStatuses } from '../rules/event-values.ts';
import type { Campaign, Flight } from './campaign.ts';

/** What is remembered of a campaign while rules ask: some 8 KB at most. */
const creativesMax = 64;
const disapprovalsMax = 8;
const budgetsMax = 64;
const wordMax = 64;

/** The newest word on a creative, and when it was disapproved, oldest first. */
interface Creative extends CreativeWord {
  readonly order: number;
  readonly disapprovals: readonly number[];
}

/** A word of a creative_status. */
interface SaidOfCreative extends CreativeWord {
  /** Its offset. */
  readonly order: number;
}

/**
 * What control records said that no ledger keeps: the statuses of creatives, and who changed budgets. It is remembered
 * while a rule in force asks, and null of a campaign of which nothing is.
 */
export class ControlWords {
  readonly creatives = new Map<string, Creative>();
  /** By offset of the budget_changed, oldest first. */
  readonly budgets = new Map<number, { readonly by: string | null; readonly source: string }>();

  sayCreative({ id, status, policy, at, order }: SaidOfCreative): void {
    const known = this.creatives.get(id);
    const times = known?.disapprovals ?? [];
    const disapprovals = disapprovedStatuses.has(status) ? [...times, at].sort((a, b) => a - b) : times;
    const kept = { disapprovals: disapprovals.slice(-disapprovalsMax) };
    const isNewer = known === undefined || isAfter({ at, order }, known);
    this.creatives.set(id, { ...(isNewer ? { id, status, policy, at, order } : known), ...kept });
    if (this.creatives.size <= creativesMax) return;
    let oldest: Creative | undefined;
    for (const each of this.creatives.values()) if (oldest === undefined || isAfter(oldest, each)) oldest = each;
    this.creatives.delete((oldest as Creative).id);
  }

  /** As it was kept. */
  keepCreative(creative: Creative): void {
    this.creatives.set(creative.id, creative);
  }

  sayBudget(order: number, by: string | null, source: string): void {
    this.budgets.set(order, { by, source });
    for (const first of this.budgets.keys()) {
      if (this.budgets.size <= budgetsMax) break;
      this.budgets.delete(first);
    }
  }

  get isEmpty(): boolean {
    return this.creatives.size === 0 && this.budgets.size === 0;
  }
}

function isAfter(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at > b.at || (a.at === b.at && a.order > b.order);
}

/** A text of a producer as it is kept: the same after it was written and read. */
export function keptWord(text: string): string {
  return [...text.toWellFormed().slice(0, 4 * wordMax)].slice(0, wordMax).join('');
}

export function creativeFacts({ words }: Campaign): CreativeFacts {
  const all = [...(words?.creatives.values() ?? [])];
  let newest: Creative | null = null;
  for (const each of all) if (newest === null || isAfter(each, newest)) newest = each;
  return {
    known: all.length,
    disapproved: all.filter(({ status }) => disapprovedStatuses.has(status)).length,
    newest,
    mostSince: (instant) =>
      Math.max(0, ...all.map(({ disapprovals }) => disapprovals.filter((time) => time >= instant).length)),
  };
}

/** The newest change that gave the flight another budget, of those that took effect by `at`; null = none did. */
export function budgetStep({ words }: Campaign, { changes, settled, goal }: Flight, at: number): BudgetStep | null {
  const later = changes
    .filter((change) => change.kind === 'budget')
    .filter((change) => change.at <= at && (settled === null || isAfterSettled(change, settled)))
    .sort((a, b) => a.at - b.at || a.order - b.order);
  const budgets = settled === null ? later : [settled.budget, ...later];
  let step = settled?.budget.step ?? null;
  for (let index = budgets.length - 1; index > 0; index--) {
    const [before, now] = [budgets[index - 1], budgets[index]];
    if (before.budget === now.budget) continue;
    step = { at: now.at, order: now.order, from: before.budget, to: now.budget };
    break;
  }
  if (step === null) return null;
  const word = words?.budgets.get(step.order);
  const { at: since, from, to } = step;
  const scale = goalScale(goal?.unit ?? 'MONEY');
  return { at: since, scale, from, to, by: word?.by ?? null, source: word?.source ?? null };
}
