import { AskedPlaces } from '../../../rules/asked-values.ts';
import { type ConditionScope, compileCondition, conditionError, variableNames } from '../../../rules/condition.ts';

/** The values of a judgement by their names, as its row has them. */
export type NamedValues = Readonly<Record<string, number | string | boolean | null>>;

/** One comparison of a condition, and what came of it. */
interface Compared {
  /** As it is written in the rule. */
  readonly text: string;
  readonly values: NamedValues;
  /** Null = a value of it was not there. */
  readonly holds: boolean | null;
}

/**
 * A condition cut at its `&&` and `||`, each part with the values that it names and whether it held. The parts are judged
 * by the condition's own code, so that this says nothing that the engine did not compute.
 */
export function comparedParts(condition: string, scope: ConditionScope, values: NamedValues): Compared[] {
  return partsOf(condition).map((text) => {
    const { names } = compileCondition(text, scope);
    const own = Object.fromEntries(names.map((name) => [name, values[name] ?? null]));
    return { text, values: own, holds: resultOf(text, scope, values) };
  });
}

/** Whether the whole condition holds of these values; null = it has no answer. */
export function resultOf(condition: string, scope: ConditionScope, values: NamedValues): boolean | null {
  const places = new AskedPlaces();
  const compiled = compileCondition(condition, scope, places);
  const ordered = [...variableNames(scope), ...places.names(scope)].map((name) => values[name] ?? null);
  const result = compiled.run(ordered);
  return result === conditionError ? null : result;
}

/** The texts between the `&&` and `||` of a condition, brackets around a whole part taken off. */
function partsOf(text: string): string[] {
  const bare = withoutBrackets(text.trim());
  // A choice is one part: which of its sides counts is its own affair.
  if (cutAt(bare, '?').length > 1) return [bare];
  for (const operator of ['||', '&&']) {
    const cut = cutAt(bare, operator);
    if (cut.length > 1) return cut.flatMap(partsOf);
  }
  return [bare];
}

/** Cut where the operator stands outside of quotes and brackets. */
function cutAt(text: string, operator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (const at of placesOutside(text)) {
    if (at < from || !text.startsWith(operator, at)) continue;
    parts.push(text.slice(from, at));
    from = at + operator.length;
  }
  return [...parts, text.slice(from)];
}

function withoutBrackets(text: string): string {
  if (!text.startsWith('(') || !text.endsWith(')')) return text;
  // The first bracket closes at the very end where nothing between them stands outside.
  const isAround = [...placesOutside(text)].length === 0;
  return isAround ? withoutBrackets(text.slice(1, -1).trim()) : text;
}

/** Places of characters that stand in no brackets and no quotes. */
function* placesOutside(text: string): Generator<number> {
  let depth = 0;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quote !== '') {
      if (char === '\\') at += 1;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '(' || char === '[') depth += 1;
    else if (char === ')' || char === ']') depth -= 1;
    else if (depth === 0) yield at;
  }
}
