import { ruleVariables } from './plan.ts';
import { type WindowValue, windowHint, windowNamesLike, windowValueOf } from './window-values.ts';

/**
 * Values that stand in no list, because there are too many of them, and that are worked out only where a rule in force
 * names them. Each has a place behind those of its scope, given in the order in which the rules of a plan ask.
 */
type AskedScope = keyof typeof ruleVariables;

export interface Asked {
  readonly name: string;
  readonly type: 'double';
  /** Place among the values of its scope. */
  readonly index: number;
  readonly value: WindowValue;
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
    const asked: Asked = { name, type: 'double', index, value };
    places.set(name, asked);
    return asked;
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

export function askedValueOf(name: string, scope: AskedScope): WindowValue | undefined {
  return scope === 'flight' || scope === 'ended' ? windowValueOf(name) : undefined;
}

/** What there is in place of a name that is none; undefined = nothing that can be asked for looks like it. */
export function askedHint(name: string, scope: AskedScope): string | undefined {
  return scope === 'flight' || scope === 'ended' ? windowHint(name) : undefined;
}

export function askedNamesLike(name: string, scope: AskedScope): readonly string[] {
  return scope === 'flight' || scope === 'ended' ? windowNamesLike(name) : [];
}
