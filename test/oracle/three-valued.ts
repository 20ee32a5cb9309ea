import { type ASTNode, Environment } from '@marcbachmann/cel-js';

/** A third value, and a fourth: docs/semantics.md §8.3. */
export const failed = Symbol('failed');
export type Known = number | string | boolean;
/** Null is unknown. */
export type Answer = Known | null | typeof failed;
export type Values = Readonly<Record<string, Known | null>>;

const parsed = new Map<string, ASTNode>();

const answered = new WeakMap<Values, Map<string, Answer>>();

/** What the condition says of these values, which nobody changes: a second question gets the same answer. */
export function ask(condition: string, values: Values): Answer {
  let answers = answered.get(values);
  if (answers === undefined) {
    answers = new Map();
    answered.set(values, answers);
  }
  let answer = answers.get(condition);
  if (answer === undefined) {
    answer = walk(parse(condition), values);
    answers.set(condition, answer);
  }
  return answer;
}

/** Every name that a condition reads. */
export function namesIn(condition: string): string[] {
  const names: string[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const each of node) visit(each);
    if (!isNode(node)) return;
    if (node.op === '.' || node.op === '[]') names.push(nameOf(node));
    else if (node.op === 'call') visit(node.args[1]);
    else visit(node.args);
  };
  visit(parse(condition));
  return names;
}

function isNode(value: unknown): value is ASTNode {
  return value !== null && typeof value === 'object' && 'op' in value;
}

function parse(condition: string): ASTNode {
  let ast = parsed.get(condition);
  if (ast === undefined) {
    ast = new Environment({ unlistedVariablesAreDyn: true }).parse(condition).ast;
    parsed.set(condition, ast);
  }
  return ast;
}

function nameOf(node: ASTNode): string {
  const [object, field] = node.args as [ASTNode, string | ASTNode];
  const last = typeof field === 'string' ? field : String(field.args);
  return `${object.op === 'id' ? String(object.args) : nameOf(object)}.${last}`;
}

function walk(node: ASTNode, values: Values): Answer {
  const args = node.args as unknown;
  const one = () => walk(args as ASTNode, values);
  const many = () => (args as ASTNode[]).map((each) => walk(each, values));
  switch (node.op) {
    case 'value':
      return args as Known;
    case '.':
    case '[]': {
      const name = nameOf(node);
      if (!(name in values)) throw new Error(`condition reads ${name}, which has no value`);
      return values[name];
    }
    case 'call': {
      const [called, [name]] = args as [string, ASTNode[]];
      if (called !== 'known') throw new Error(`condition calls ${called}`);
      return walk(name, values) !== null;
    }
    case '&&':
      return combine(many(), false);
    case '||':
      return combine(many(), true);
    case '!_': {
      const x = one();
      return typeof x === 'boolean' ? !x : x;
    }
    case '-_': {
      const x = one();
      return typeof x === 'number' ? -x : x;
    }
    case '?:': {
      const [test, yes, no] = args as ASTNode[];
      const x = walk(test, values);
      if (x === failed || x === null) return x;
      return walk(x === true ? yes : no, values);
    }
    default:
      return calculate(node.op, many());
  }
}

function combine(sides: Answer[], decides: boolean): Answer {
  if (sides.includes(decides)) return decides;
  if (sides.includes(failed)) return failed;
  return sides.includes(null) ? null : !decides;
}

function calculate(op: string, [x, y]: Answer[]): Answer {
  if (x === failed || y === failed) return failed;
  if (x === null || y === null) return null;
  const a = x as number;
  const b = y as number;
  if (op === '==') return a === b;
  if (op === '!=') return a !== b;
  if (op === '<') return a < b;
  if (op === '<=') return a <= b;
  if (op === '>') return a > b;
  if (op === '>=') return a >= b;
  return finite(arithmetic(op, a, b));
}

function arithmetic(op: string, a: number, b: number): number {
  if (op === '+') return a + b;
  if (op === '-') return a - b;
  if (op === '*') return a * b;
  if (op === '/') return a / b;
  throw new Error(`condition uses ${op}`);
}

function finite(result: number): Answer {
  return Number.isFinite(result) ? result : failed;
}
