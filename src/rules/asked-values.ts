import { idPattern } from '../model/ids.ts';
import { type AllowanceName, allowanceValues } from './allowance-values.ts';
import { type CampaignWord, campaignWords, type EventName, eventValues } from './event-values.ts';
import { type GoalName, goalValues } from './goal-values.ts';
import { type CampaignPlan, ruleVariables } from './plan.ts';
import { type RiskName, riskValues } from './risk-values.ts';
import { type WindowValue, windowHint, windowNamesLike, windowValueOf } from './window-values.ts';

/**
 * Values that stand in no list of a scope, because there are too many of them or few rules want them, and that are worked
 * out only where a rule in force names them. Each has a place behind those of its scope, given in the order in which
 * the rules of a plan ask.
 */
type AskedScope = keyof typeof ruleVariables;

export type AskedValue =
  | WindowValue
  | { readonly kind: 'event'; readonly name: EventName }
  | { readonly kind: 'risk'; readonly name: RiskName }
  | { readonly kind: 'goal'; readonly name: GoalName }
  | { readonly kind: 'allowance'; readonly name: AllowanceName }
  | { readonly kind: 'word'; readonly name: CampaignWord }
  | { readonly kind: 'label'; readonly label: string };

export interface Asked {
  readonly name: string;
  readonly type: 'double' | 'string';
  /** Place among the values of its scope. */
  readonly index: number;
  readonly value: AskedValue;
}

/** The places of what the rules of one plan ask for, by scope. */
export class AskedPlaces {
  readonly #byScope = new Map<AskedScope, Map<string, Asked>>();

  /** Gives the name its place; undefined = it names nothing that can be asked for. */
  placeOf(name: string, scope: AskedScope): Asked | undefined {
    const places = this.#placesOf(scope);
    const known = places.get(name);
    if (known !== undefined) return known;
    const value = askedValueOf(name, scope);
    if (value === undefined) return undefined;
    const index = Object.keys(ruleVariables[scope]).length + places.size;
    const asked: Asked = { name, type: typeOf(value), index, value };
    places.set(name, asked);
    return asked;
  }

  /** Names in the order of their places. */
  names(scope: AskedScope): string[] {
    return [...this.#placesOf(scope).keys()];
  }

  get count(): number {
    let count = 0;
    for (const places of this.#byScope.values()) count += places.size;
    return count;
  }

  #placesOf(scope: AskedScope): Map<string, Asked> {
    // Rules of a flight that runs and of one that ended are judged by one list of values.
    const of = scope === 'ended' ? 'flight' : scope;
    let places = this.#byScope.get(of);
    if (places === undefined) {
      places = new Map();
      this.#byScope.set(of, places);
    }
    return places;
  }
}

function typeOf(value: AskedValue): Asked['type'] {
  if (value.kind === 'event') return eventValues[value.name][0];
  if (value.kind === 'goal') return goalValues[value.name][0];
  if (value.kind === 'allowance') return 'double';
  return value.kind === 'word' || value.kind === 'label' ? 'string' : 'double';
}

const labelPrefix = 'c.labels.';

export function askedValueOf(name: string, scope: AskedScope): AskedValue | undefined {
  if (scope === 'source' || scope === 'order') return undefined;
  if (isTogether(scope)) return windowTogether(name);
  if (name.startsWith(labelPrefix)) {
    const label = name.slice(labelPrefix.length);
    return idPattern.test(label) ? { kind: 'label', label } : undefined;
  }
  if (Object.hasOwn(campaignWords, name)) {
    if (scope === 'campaign' && name === 'c.flight_id') return undefined;
    return { kind: 'word', name: name as CampaignWord };
  }
  if (scope === 'campaign') return undefined;
  if (Object.hasOwn(riskValues, name)) return { kind: 'risk', name: name as RiskName };
  if (Object.hasOwn(goalValues, name)) return { kind: 'goal', name: name as GoalName };
  if (Object.hasOwn(allowanceValues, name)) return { kind: 'allowance', name: name as AllowanceName };
  return Object.hasOwn(eventValues, name) ? { kind: 'event', name: name as EventName } : windowValueOf(name);
}

/** Whether rules of the scope are about campaigns together. */
export function isTogether(scope: string): scope is 'advertiser' | 'organization' {
  return scope === 'advertiser' || scope === 'organization';
}

/** Campaigns together have windows of their own, but no flight and no weeks before. */
function windowTogether(name: string): AskedValue | undefined {
  const value = windowValueOf(name);
  return value?.kind === 'window' && value.window.of !== 'flight' ? value : undefined;
}

/** What there is in place of a name that is none; undefined = nothing that can be asked for looks like it. */
export function askedHint(name: string, scope: AskedScope): string | undefined {
  if (name === 'c.labels') return 'name the label: c.labels.tier, or c.labels["tier"]';
  if (isTogether(scope)) return hintTogether(name);
  return scope === 'flight' || scope === 'ended' ? windowHint(name) : undefined;
}

function hintTogether(name: string): string | undefined {
  if (name.startsWith('b.')) return 'campaigns together are not compared with the weeks before; flights are';
  const value = windowValueOf(name);
  if (value?.kind !== 'window') return windowHint(name)?.replace(' and flight', '');
  return 'campaigns together have no flight: name hours, days or today';
}

export function askedNamesLike(name: string, scope: AskedScope): readonly string[] {
  if (scope === 'source' || scope === 'order') return [];
  if (isTogether(scope)) return windowNamesLike(name).filter((each) => windowTogether(each) !== undefined);
  const words = Object.keys(campaignWords).filter((each) => askedValueOf(each, scope) !== undefined);
  return scope === 'campaign'
    ? words
    : [
        ...words,
        ...Object.keys(riskValues),
        ...Object.keys(eventValues),
        ...Object.keys(goalValues),
        ...Object.keys(allowanceValues),
        ...windowNamesLike(name),
      ];
}

/** What a campaign is, by the plan; null = the plan does not say. */
export function wordOf(
  value: Extract<AskedValue, { kind: 'word' | 'label' }>,
  campaignId: string,
  flightId: string,
  { advertiser, labels = {} }: Pick<CampaignPlan, 'advertiser' | 'labels'>,
): string | null {
  if (value.kind === 'label') return Object.hasOwn(labels, value.label) ? labels[value.label] : null;
  if (value.name === 'c.advertiser') return advertiser ?? null;
  return value.name === 'c.campaign_id' ? campaignId : flightId;
}
