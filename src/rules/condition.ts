import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { BoundedMap } from '../model/bounded-map.ts';
import { limits } from '../model/limits.ts';
import { AskedPlaces, askedHint, askedNamesLike } from './asked-values.ts';
import { ruleVariables } from './plan.ts';

/**
 * Conditions of rules: the bounded, type-checked part of CEL (https://cel.dev) that rules need,
 * compiled to closures with three-valued logic (docs/semantics.md §8.3). No text is ever executed;
 * functions other than `known`, macros and indexing are refused.
 */
export type ConditionScope = keyof typeof ruleVariables;
/** Null = there is none, or it is not known (docs/semantics.md §8.3 says what becomes of each). */
export type RuleValue = number | string | boolean | null;
/** Outcome of arithmetic that has no finite result. */
export const conditionError = Symbol('condition error');
type ConditionResult = RuleValue | typeof conditionError;
type Type = 'double' | 'string' | 'bool';
type Run = (values: readonly RuleValue[]) => ConditionResult;

export interface Condition {
  readonly text: string;
  /** Variables it names, sorted. */
  readonly names: readonly string[];
  /** True, false, null = neither, or `conditionError`. Values are in the order of `variableNames(scope)`. */
  run(values: readonly RuleValue[]): boolean | null | typeof conditionError;
}

/** A condition that cannot be used; `at` is the character where the trouble starts. */
export class ConditionProblem extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.name = 'ConditionProblem';
    this.at = at;
  }
}

export function variableNames(scope: ConditionScope): readonly string[] {
  return Object.keys(ruleVariables[scope]);
}

const nodesMax = 256;

/** Conditions by scope and text: a thousand organizations share the same few. */
const compiled = new BoundedMap<string, Condition>(limits.conditionsKeptMax);

/**
 * Compiles; throws ConditionProblem for anything that is not a bool over known names. What the condition asks for beyond
 * the values of its scope gets its place in `places`.
 */
export function compileCondition(text: string, scope: ConditionScope, places = new AskedPlaces()): Condition {
  const key = `${scope} ${text}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  if (Buffer.byteLength(text) > limits.conditionBytesMax) throw new ConditionProblem('condition is too long', 0);
  const compiler = new Compiler(scope, places);
  const { type, run } = compiler.compile(parseCondition(text));
  if (type !== 'bool') throw new ConditionProblem(`condition is a ${type}, it must be a bool`, 0);
  const condition = { text, names: [...compiler.names].sort(), run: run as Condition['run'] };
  // What was asked for lies elsewhere in the values of another plan.
  if (!compiler.hasAsked) compiled.set(key, condition);
  return condition;
}

/** Throws ConditionProblem for what is no expression at all. */
export function parseCondition(text: string): ASTNode {
  try {
    return new Environment({ unlistedVariablesAreDyn: true }).parse(text).ast;
  } catch (cause) {
    const at = (cause as { node?: { pos?: number } }).node?.pos ?? 0;
    throw new ConditionProblem(wordsOf(cause), at);
  }
}

/** What is wrong, in our words: the parser's are for its authors. */
function wordsOf(cause: unknown): string {
  const said = String(cause instanceof Error ? cause.message : cause).split('\n')[0];
  if (/EOF/.test(said)) return 'something is missing at its end';
  if (/string/i.test(said)) return 'a text is not closed, or holds an escape that is none';
  return 'this is not expected here: is an operator, a quote or a bracket missing before it?';
}

/** A compiled part; a variable or a number says so, for the short cuts. */
interface Compiled {
  readonly type: Type;
  readonly run: Run;
  readonly variable?: number;
  readonly constant?: number;
}

class Compiler {
  readonly names = new Set<string>();
  hasAsked = false;
  readonly #scope: ConditionScope;
  readonly #places: AskedPlaces;
  #nodes = 0;

  constructor(scope: ConditionScope, places: AskedPlaces) {
    this.#scope = scope;
    this.#places = places;
  }

  compile(node: ASTNode): Compiled {
    this.#nodes += 1;
    if (this.#nodes > nodesMax) throw new ConditionProblem(`condition has more than ${nodesMax} parts`, node.pos);
    switch (node.op) {
      case 'value':
        return literal(node.args, node.pos);
      case '.':
      case '[]':
        return this.#variable(node);
      case '&&':
      case '||':
        return this.#logic(node.op, node.args[0], node.args[1]);
      case '!_':
        return this.#not(node.args);
      case '-_':
        return this.#negate(node.args);
      case '?:':
        return this.#choice(node.args);
      case '+':
      case '-':
      case '*':
      case '/':
        return this.#arithmetic(node.op, node.args);
      case '==':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.#comparison(node.op, node.args);
      case 'call':
        return this.#known(node);
      case 'id':
        throw new ConditionProblem(`unknown name "${node.args}"; ${this.#hint(node.args)}`, node.pos);
      default:
        throw new ConditionProblem(`"${describe(node)}" is not allowed in a condition`, node.pos);
    }
  }

  #expect(node: ASTNode, type: Type): Run {
    const compiled = this.compile(node);
    if (compiled.type !== type)
      throw new ConditionProblem(`this is a ${compiled.type}, it must be a ${type}`, node.pos);
    return compiled.run;
  }

  #variable(node: ASTNode): Compiled {
    const written = nameIn(node);
    if (written === undefined) throw new ConditionProblem('only names like p.osi_pct are allowed', node.pos);
    const { name, at } = written;
    const known = ruleVariables[this.#scope] as Record<string, readonly [Type, string]>;
    const index = variableNames(this.#scope).indexOf(name);
    if (index >= 0) {
      this.names.add(name);
      return { type: known[name][0], run: (values) => values[index], variable: index };
    }
    const asked = this.#places.placeOf(name, this.#scope);
    if (asked === undefined) throw new ConditionProblem(`unknown name "${name}"; ${this.#hint(name)}`, at);
    this.names.add(name);
    this.hasAsked = true;
    return { type: asked.type, run: (values) => values[asked.index], variable: asked.index };
  }

  /** `known(name)`: whether the value is there. Always true or false. */
  #known(node: ASTNode & { op: 'call' }): Compiled {
    const [called, args] = node.args;
    if (called !== 'known') throw new ConditionProblem(`"${called}()" is not allowed in a condition`, node.pos);
    const [name] = args;
    if (args.length !== 1 || (name.op !== '.' && name.op !== '[]'))
      throw new ConditionProblem('known() asks for one name', node.pos);
    const { variable } = this.compile(name);
    const index = variable as number;
    return { type: 'bool', run: (values) => values[index] !== null };
  }

  #hint(name: string): string {
    return nameHint(name, this.#scope);
  }

  #logic(op: '&&' | '||', left: ASTNode, right: ASTNode): { type: Type; run: Run } {
    const a = this.#expect(left, 'bool');
    const b = this.#expect(right, 'bool');
    const decides = op === '||';
    const run: Run = (values) => {
      const x = a(values);
      if (x === decides) return decides;
      const y = b(values);
      if (y === decides) return decides;
      if (x === conditionError || y === conditionError) return conditionError;
      return x === null || y === null ? null : !decides;
    };
    return { type: 'bool', run };
  }

  #not(node: ASTNode): { type: Type; run: Run } {
    const a = this.#expect(node, 'bool');
    return {
      type: 'bool',
      run: (values) => {
        const x = a(values);
        return typeof x === 'boolean' ? !x : x;
      },
    };
  }

  #negate(node: ASTNode): { type: Type; run: Run } {
    const a = this.#expect(node, 'double');
    return {
      type: 'double',
      run: (values) => {
        const x = a(values);
        return typeof x === 'number' ? -x : x;
      },
    };
  }

  #choice([test, yes, no]: [ASTNode, ASTNode, ASTNode]): { type: Type; run: Run } {
    const t = this.#expect(test, 'bool');
    const a = this.compile(yes);
    const b = this.#expect(no, a.type);
    return {
      type: a.type,
      run: (values) => {
        const x = t(values);
        return typeof x === 'boolean' ? (x ? a.run(values) : b(values)) : x;
      },
    };
  }

  #arithmetic(op: '+' | '-' | '*' | '/', [left, right]: [ASTNode, ASTNode]): { type: Type; run: Run } {
    const a = this.#expect(left, 'double');
    const b = this.#expect(right, 'double');
    const apply = arithmetic[op];
    const run: Run = (values) => {
      const x = a(values);
      const y = b(values);
      if (x === conditionError || y === conditionError) return conditionError;
      if (x === null || y === null) return null;
      const result = apply(x as number, y as number);
      return Number.isFinite(result) ? result : conditionError;
    };
    return { type: 'double', run };
  }

  #comparison(op: keyof typeof comparison, [left, right]: [ASTNode, ASTNode]): { type: Type; run: Run } {
    const a = this.compile(left);
    const b = this.compile(right);
    if (b.type !== a.type) throw new ConditionProblem(`this is a ${b.type}, it must be a ${a.type}`, right.pos);
    if (a.type === 'bool' && op !== '==' && op !== '!=') {
      throw new ConditionProblem('bools can only be compared with == and !=', left.pos);
    }
    const quick = compareVariable(op, a, b);
    if (quick !== null) return { type: 'bool', run: quick };
    const apply = comparison[op];
    const run: Run = (values) => {
      const x = a.run(values);
      const y = b.run(values);
      if (x === conditionError || y === conditionError) return conditionError;
      return x === null || y === null ? null : apply(x as number, y as number);
    };
    return { type: 'bool', run };
  }
}

const arithmetic = {
  '+': (x: number, y: number) => x + y,
  '-': (x: number, y: number) => x - y,
  '*': (x: number, y: number) => x * y,
  '/': (x: number, y: number) => x / y,
} as const;

const comparison = {
  '==': (x: number, y: number) => x === y,
  '!=': (x: number, y: number) => x !== y,
  '<': (x: number, y: number) => x < y,
  '<=': (x: number, y: number) => x <= y,
  '>': (x: number, y: number) => x > y,
  '>=': (x: number, y: number) => x >= y,
} as const;

/**
 * The name that a part is: `p.osi_pct`; of a label `c.labels.tier` or `c.labels["tier"]`, which are one. Undefined = it is
 * none. `at` = where it begins.
 */
export function nameIn(node: ASTNode): { readonly name: string; readonly at: number } | undefined {
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [object, field] = node.args;
  const last = typeof field === 'string' ? field : field.op === 'value' ? field.args : undefined;
  if (typeof last !== 'string') return undefined;
  if (object.op === 'id') return node.op === '.' ? { name: `${object.args}.${last}`, at: object.pos } : undefined;
  const inner = nameIn(object);
  return inner?.name === 'c.labels' ? { name: `c.labels.${last}`, at: inner.at } : undefined;
}

/** What was meant in place of a name that is none. */
function nameHint(name: string, scope: ConditionScope): string {
  const hint = askedHint(name, scope);
  if (hint !== undefined) return hint;
  const best = [...variableNames(scope), ...askedNamesLike(name, scope)]
    .map((known) => ({ known, distance: editDistance(name, known) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return best.distance <= 4 ? `did you mean "${best.known}"?` : 'docs/rules.md lists the names';
}

/** A variable against a number, which is what most conditions are: one closure instead of four. */
function compareVariable(op: keyof typeof comparison, a: Compiled, b: Compiled): Run | null {
  const { variable: index } = a;
  const { constant: limit } = b;
  if (index === undefined || limit === undefined) return null;
  const known = (compare: (value: number) => boolean): Run => {
    return (values) => {
      const value = values[index];
      return value === null ? null : compare(value as number);
    };
  };
  switch (op) {
    case '<':
      return known((value) => value < limit);
    case '<=':
      return known((value) => value <= limit);
    case '>':
      return known((value) => value > limit);
    case '>=':
      return known((value) => value >= limit);
    case '==':
      return known((value) => value === limit);
    case '!=':
      return known((value) => value !== limit);
  }
}

function literal(value: unknown, at: number): Compiled {
  if (typeof value === 'number') return { type: 'double', run: () => value, constant: value };
  if (typeof value === 'string') return { type: 'string', run: () => value };
  if (typeof value === 'boolean') return { type: 'bool', run: () => value };
  if (typeof value === 'bigint') throw new ConditionProblem(`write ${value}.0: all numbers are doubles`, at);
  throw new ConditionProblem('this literal is not allowed in a condition', at);
}

function describe(node: ASTNode): string {
  if (node.op === 'rcall') return `.${node.args[0]}()`;
  return node.op;
}

/** Levenshtein distance, for "did you mean". */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
