import type { ASTNode } from '@marcbachmann/cel-js';
import { pacingModes } from '../events/event-batch.ts';

import { pacingStatuses } from '../pacing/pacing.ts';
import { ConditionProblem, type ConditionScope, nameIn, parseCondition } from './condition.ts';

import { unplannedStatuses } from './rule-values.ts';

/** All texts that a value can be, where they are known. */
const textsOfFlights = { 'p.status': pacingStatuses, 'p.mode': pacingModes.map((mode) => mode.toLowerCase()) };
const textsOf: Readonly<Record<ConditionScope, Readonly<Record<string, readonly string[]>>>> = {
  flight: textsOfFlights,
  ended: textsOfFlights,
  campaign: { 'u.status': unplannedStatuses },
  order: textsOfFlights,
  advertiser: {},
  organization: {},
  source: {},
};

/**
 * Refuses a comparison with a text that the value can never have, which would quietly never be true.
 * For rules that people write: a plan in the log keeps the meaning it had. `nearestOf` may name the word
 * that was meant. Throws ConditionProblem.
 */
export function refuseImpossibleTexts(
  text: string,
  scope: ConditionScope,
  nearestOf: (word: string, known: readonly string[]) => string | undefined,
): void {
  const known = textsOf[scope];
  const walk = (node: ASTNode): void => {
    const { op, args } = node;
    if ((op === '==' || op === '!=') && Array.isArray(args)) {
      const [left, right] = args as [ASTNode, ASTNode];
      check(left, right);
      check(right, left);
    }
    if (Array.isArray(args)) for (const each of args as unknown[]) if (isNode(each)) walk(each);
    if (isNode(args)) walk(args);
  };
  const check = (variable: ASTNode, literal: ASTNode): void => {
    const name = nameIn(variable)?.name;
    const texts = name === undefined || !Object.hasOwn(known, name) ? undefined : known[name];
    const value: unknown = literal.op === 'value' ? literal.args : undefined;
    if (texts === undefined || typeof value !== 'string' || texts.includes(value)) return;
    const near = nearestOf(value, texts);
    const hint = near === undefined ? `it is one of ${texts.join(', ')}` : `did you mean "${near}"?`;
    throw new ConditionProblem(`${name} is never "${value}"; ${hint}`, literal.pos);
  };
  walk(parseCondition(text));
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}
