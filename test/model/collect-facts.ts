import { type FactName, type Facts, onFact } from '../../src/model/facts.ts';

/** Collects the facts of one name while it is held. */
export function collectFacts<Name extends FactName>(name: Name): { facts: Facts[Name][] } & Disposable {
  const facts: Facts[Name][] = [];
  const stop = onFact(name, (fact) => facts.push(fact));
  return { facts, [Symbol.dispose]: stop };
}
