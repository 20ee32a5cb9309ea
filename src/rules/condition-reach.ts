import type { ASTNode } from '@marcbachmann/cel-js';
import { nameIn, parseCondition } from './condition.ts';

/** Numbers, texts and truths that a value can take; `isAbsent`: it can also be that there is none. */
export interface Reach {
  /** Null = no number at all. */
  readonly numbers: readonly [least: number, most: number] | null;
  /** Null = any text. */
  readonly texts: readonly string[] | null;
  readonly canBeTrue: boolean;
  readonly canBeFalse: boolean;
  readonly isAbsent: boolean;
}

const nothing = { numbers: null, texts: [], canBeTrue: false, canBeFalse: false, isAbsent: false } as const;
export const anyNumber: Reach = numbersBetween(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
export const anyText: Reach = { ...nothing, texts: null };
export const anyTruth: Reach = truth(true, true);
export const neverThere: Reach = { ...nothing, isAbsent: true };

export function numbersBetween(least: number, most: number): Reach {
  return { ...nothing, numbers: [least, most] };
}

export function orAbsent(reach: Reach): Reach {
  return { ...reach, isAbsent: true };
}

export function textsOf(texts: readonly string[]): Reach {
  return { ...nothing, texts };
}

function truth(canBeTrue: boolean, canBeFalse: boolean, isAbsent = false): Reach {
  return { ...nothing, canBeTrue, canBeFalse, isAbsent };
}

/**
 * What a condition can come to when its names take the values that `reachOf` says, each on its own: what this
 * excludes never happens, what it allows may still not happen. Names it does not know may be anything.
 */
export function reachOf(text: string, names: ReadonlyMap<string, Reach>): Reach {
  return walk(parseCondition(text), names);
}

/** Whether all of these can be true at once, as far as each can be on its own. */
export function canHold(texts: readonly string[], names: ReadonlyMap<string, Reach>): boolean {
  return texts.every((text) => reachOf(text, names).canBeTrue);
}

function walk(node: ASTNode, names: ReadonlyMap<string, Reach>): Reach {
  const go = (each: ASTNode) => walk(each, names);
  switch (node.op) {
    case 'value':
      return literal(node.args);
    case '.':
    case '[]': {
      return (
        names.get(nameIn(node)?.name ?? '') ?? {
          numbers: anyNumber.numbers,
          texts: null,
          canBeTrue: true,
          canBeFalse: true,
          isAbsent: true,
        }
      );
    }
    case '&&': {
      const [a, b] = node.args.map(go);
      const isAbsent = (a.isAbsent && (b.isAbsent || b.canBeTrue)) || (b.isAbsent && a.canBeTrue);
      return truth(a.canBeTrue && b.canBeTrue, a.canBeFalse || b.canBeFalse, isAbsent);
    }
    case '||': {
      const [a, b] = node.args.map(go);
      const isAbsent = (a.isAbsent && (b.isAbsent || b.canBeFalse)) || (b.isAbsent && a.canBeFalse);
      return truth(a.canBeTrue || b.canBeTrue, a.canBeFalse && b.canBeFalse, isAbsent);
    }
    case '!_': {
      const a = go(node.args);
      return truth(a.canBeFalse, a.canBeTrue, a.isAbsent);
    }
    case '-_': {
      const { numbers, isAbsent } = go(node.args);
      return numbers === null ? neverThere : { ...numbersBetween(-numbers[1], -numbers[0]), isAbsent };
    }
    case '?:': {
      const [test, yes, no] = node.args.map(go);
      const either = [...(test.canBeTrue ? [yes] : []), ...(test.canBeFalse ? [no] : [])];
      return united(test.isAbsent ? [...either, neverThere] : either);
    }
    case '+':
    case '-':
    case '*':
    case '/':
      return arithmetic(node.op, go(node.args[0]), go(node.args[1]));
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return comparison(node.op, go(node.args[0]), go(node.args[1]));
    case 'call': {
      const { isAbsent, numbers, texts, canBeTrue, canBeFalse } = go(node.args[1][0]);
      const isThere = numbers !== null || texts === null || texts.length > 0 || canBeTrue || canBeFalse;
      return truth(isThere, isAbsent);
    }
    default:
      return { ...anyTruth, numbers: anyNumber.numbers, texts: null, isAbsent: true };
  }
}

function literal(value: unknown): Reach {
  if (typeof value === 'number') return numbersBetween(value, value);
  if (typeof value === 'boolean') return truth(value, !value);
  return textsOf([String(value)]);
}

function united(all: readonly Reach[]): Reach {
  const spans = all.flatMap(({ numbers }) => (numbers === null ? [] : [numbers]));
  return {
    numbers:
      spans.length === 0
        ? null
        : [Math.min(...spans.map(([least]) => least)), Math.max(...spans.map(([, most]) => most))],
    texts: all.some(({ texts }) => texts === null) ? null : all.flatMap(({ texts }) => texts ?? []),
    canBeTrue: all.some(({ canBeTrue }) => canBeTrue),
    canBeFalse: all.some(({ canBeFalse }) => canBeFalse),
    isAbsent: all.some(({ isAbsent }) => isAbsent),
  };
}

function arithmetic(op: '+' | '-' | '*' | '/', a: Reach, b: Reach): Reach {
  const isAbsent = a.isAbsent || b.isAbsent;
  if (a.numbers === null || b.numbers === null) return neverThere;
  const [[a0, a1], [b0, b1]] = [a.numbers, b.numbers];
  if (op === '+') return { ...numbersBetween(a0 + b0, a1 + b1), isAbsent };
  if (op === '-') return { ...numbersBetween(a0 - b1, a1 - b0), isAbsent };
  if (op === '/' && b0 <= 0 && b1 >= 0) return { ...anyNumber, isAbsent };
  const corners = [a0, a1].flatMap((x) => [b0, b1].map((y) => (op === '*' ? x * y : x / y)));
  // Nothing times the infinite: any number may be meant.
  if (corners.some(Number.isNaN)) return { ...anyNumber, isAbsent };
  return { ...numbersBetween(Math.min(...corners), Math.max(...corners)), isAbsent };
}

type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

function comparison(op: Comparison, a: Reach, b: Reach): Reach {
  const isAbsent = a.isAbsent || b.isAbsent;
  const [equal, other] = op === '==' || op === '!=' ? canBeEqual(a, b) : [false, false];
  if (op === '==') return truth(equal, other, isAbsent);
  if (op === '!=') return truth(other, equal, isAbsent);
  if (a.numbers === null || b.numbers === null)
    return truth(a.texts === null && b.texts === null, a.texts === null && b.texts === null, isAbsent);
  const [[a0, a1], [b0, b1]] = [a.numbers, b.numbers];
  if (op === '<') return truth(a0 < b1, a1 >= b0, isAbsent);
  if (op === '<=') return truth(a0 <= b1, a1 > b0, isAbsent);
  if (op === '>') return truth(a1 > b0, a0 <= b1, isAbsent);
  return truth(a1 >= b0, a0 < b1, isAbsent);
}

/** Whether two values can be the same, and whether they can differ. */
function canBeEqual(a: Reach, b: Reach): [equal: boolean, other: boolean] {
  if (a.numbers !== null && b.numbers !== null) {
    const [[a0, a1], [b0, b1]] = [a.numbers, b.numbers];
    return [a0 <= b1 && b0 <= a1, !(a0 === a1 && b0 === b1 && a0 === b0)];
  }
  if ((a.canBeTrue || a.canBeFalse) && (b.canBeTrue || b.canBeFalse)) {
    const equal = (a.canBeTrue && b.canBeTrue) || (a.canBeFalse && b.canBeFalse);
    return [equal, (a.canBeTrue && b.canBeFalse) || (a.canBeFalse && b.canBeTrue)];
  }
  if (a.texts === null || b.texts === null) return [true, true];
  const { texts } = b;
  const shared = a.texts.some((each) => texts.includes(each));
  const isOne = a.texts.length === 1 && texts.length === 1 && shared;
  return [shared, a.texts.length > 0 && texts.length > 0 && !isOne];
}
