import type { FlightDates } from '../lane/campaign.ts';
import { budgetStep, creativeFacts } from '../lane/control-words.ts';
import { monthSpend } from '../lane/flight-books.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { CampaignWindows } from '../lane/window-books.ts';
import { dayMs, type LogTimeMs } from '../model/time.ts';
import { moneyAtRisk, riskUnknown } from '../pacing/money-at-risk.ts';
import { dayJudged, type PacingValues } from '../pacing/pacing.ts';
import { type Asked, wordOf } from '../rules/asked-values.ts';
import type { RuleValue } from '../rules/condition.ts';
import { eventValue } from '../rules/event-values.ts';
import { goalValue } from '../rules/goal-values.ts';
import { riskValue } from '../rules/risk-values.ts';
import { flightValues } from '../rules/rule-values.ts';
import { workOut } from '../rules/window-values.ts';
import { allowanceOf } from './allowance-of.ts';
import type { FlightScope } from './judge-rules.ts';

/** Works out the values that rules of a flight read, those that nobody asks for left out (docs/semantics.md §8.2). */
export class ReadFlight {
  readonly #state: LaneState;

  constructor(state: LaneState) {
    this.#state = state;
  }

  values(at: FlightScope, values: PacingValues, wanted: readonly Asked[] | null = null): readonly RuleValue[] {
    const { campaign, flight, asOf } = at;
    const { start, end, zone } = flight.dates as FlightDates;
    const view = this.#state.planView(campaign);
    const { dayAllowanceBp, readsMonth, asked } = view;
    const facts = { values, asOf, start, end, zone, dayAllowanceBp };
    const day = dayJudged(facts, asOf);
    const hasImpressions = view.hasImpressions || values.impressionsFlight > 0;
    const named = flightValues({
      ...facts,
      monthSpend: readsMonth || wanted !== null ? monthSpend(campaign, zone, day, asOf, this.#retained()) : null,
      hasImpressions,
    });
    const read = wanted ?? asked;
    if (read.length > 0) this.#addAsked(named, read, at, values, hasImpressions);
    return named;
  }

  /** Works out what the rules ask for, behind the values that are always there. */
  #addAsked(
    named: RuleValue[],
    asked: readonly Asked[],
    { campaign, flight, asOf, t, books: seen, isLastWord }: FlightScope,
    values: PacingValues,
    hasImpressions: boolean,
  ): void {
    const dates = flight.dates as FlightDates;
    const { declaredLags } = this.#state.planView(campaign);
    const moment = { asOf, clock: this.#state.clock, values, dates, hasImpressions, declaredLags, state: this.#state };
    const books = new CampaignWindows(campaign, moment);
    const own = this.#state.campaignPlan(campaign);
    const facts = {
      asOf,
      budget: () => budgetStep(campaign, flight, Math.max(asOf, dates.start)),
      creatives: () => creativeFacts(campaign),
    };
    const risk =
      seen !== null && asked.some(({ value }) => value.kind === 'risk')
        ? moneyAtRisk(seen, values, asOf, t)
        : riskUnknown;
    for (const { index, value } of asked) {
      if (value.kind === 'event') named[index] = eventValue(value.name, facts);
      else if (value.kind === 'risk') named[index] = riskValue(value.name, risk);
      else if (value.kind === 'allowance')
        named[index] = allowanceOf(value.name, this.#state, this.#retained(), { campaign, dates, asOf, values });
      else if (value.kind === 'goal') named[index] = goalValue(value.name, values, dates.end);
      else if (value.kind === 'word' || value.kind === 'label')
        named[index] = wordOf(value, campaign.id, flight.id, own);
      else named[index] = isLastWord ? null : workOut(value, books);
    }
  }

  /** What rules with open alerts read, whether or not they are still for the campaign: they end with their values. */
  askedByAlerts({ campaign, flight: { alerts } }: FlightScope): readonly Asked[] | null {
    if (alerts.size === 0) return null;
    const { asked } = this.#state.planView(campaign);
    const { flightRules, endedRules } = this.#state.planOf(campaign.orgId);
    const open = [...flightRules, ...endedRules].filter(({ plan }) => alerts.has(plan.id));
    return [...new Set([...asked, ...open.flatMap((rule) => rule.asked)])];
  }

  /** The clock, and how far back daily rows are retained. */
  #retained(): { clock: LogTimeMs; oldest: number } {
    const { clock, limits } = this.#state;
    return { clock, oldest: clock - limits.retainedDays * dayMs };
  }
}
