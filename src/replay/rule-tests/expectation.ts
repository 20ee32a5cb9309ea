import { nearest } from '../../model/nearest.ts';
import type { ReadRule } from '../../plans/rule-file.ts';
import { compileCondition } from '../../rules/condition.ts';
import { instantOf, instantWish, type TestTime } from './event-fields.ts';
import { type Path, StoryProblem } from './story.ts';
import type { ExpectationText, WantedValue } from './test-file.ts';

/** What must be so at an instant, or at every moment between two. */
export interface Expectation {
  readonly text: ExpectationText;
  readonly path: Path;
  readonly rule: string;
  /** Epoch ms; equal for an instant. */
  readonly from: number;
  readonly to: number;
  readonly values: ReadonlyMap<string, WantedValue>;
}

/** Throws StoryProblem. */
export function readExpectation(
  text: ExpectationText,
  path: Path,
  { rules, time }: { readonly rules: readonly ReadRule[]; readonly time: TestTime },
): Expectation {
  const id = text.rule ?? (rules.length === 1 ? rules[0].rule.id : undefined);
  if (id === undefined)
    throw new StoryProblem(path, `say of which rule: ${rules.map(({ rule }) => rule.id).join(', ')}`);
  const read = rules.find(({ rule }) => rule.id === id);
  if (read === undefined) {
    const known = rules.map(({ rule }) => rule.id);
    const near = nearest(id, known);
    const hint = near === undefined ? `the file tests ${known.join(', ')}` : `did you mean "${near}"?`;
    throw new StoryProblem([...path, 'rule'], `the file does not test the rule "${id}"; ${hint}`);
  }
  const known = valuesOf(read);
  for (const name of Object.keys(text.values ?? {}))
    if (!known.includes(name)) throw unknownValue(name, read, known, path);
  const [from, to] = spanOf(text.at, time, [...path, 'at']);
  return { text, path, rule: id, from, to, values: new Map(Object.entries(text.values ?? {})) };
}

/** `26h`, or `0h..24h`: all of what lies between. */
function spanOf(text: string, time: TestTime, path: Path): [from: number, to: number] {
  const parts = text.split('..').map((part) => instantOf(part.trim(), time));
  const [from, to = from] = parts;
  if (parts.length > 2 || from == null || to == null)
    throw new StoryProblem(path, `"${text}": ${instantWish}; or two of them like 0h..24h`);
  if (from < time.startMs) throw new StoryProblem(path, `"${text}" lies before the beginning of the test`);
  if (to < from) throw new StoryProblem(path, `"${text}" ends before it begins`);
  return [from, to];
}

/** Names that the rule's conditions read: only these are recorded with its judgements. */
function valuesOf({ rule }: ReadRule): string[] {
  const { guard, warning, critical, scope } = rule;
  const texts = [guard, warning?.when, warning?.clear, critical?.when, critical?.clear].filter((text) => text != null);
  return [...new Set(texts.flatMap((text) => compileCondition(text, scope).names))].sort();
}

function unknownValue(name: string, { rule }: ReadRule, known: readonly string[], path: Path): StoryProblem {
  const near = nearest(name, known);
  const hint = near === undefined ? `it reads ${known.join(', ')}` : `did you mean "${near}"?`;
  return new StoryProblem([...path, 'values', name], `the rule "${rule.id}" does not read ${name}; ${hint}`);
}

/** Whether a value is the wanted one: numbers to the decimals written, at least one; `80..90` both ends included. */
export function isWanted(wanted: WantedValue, got: unknown): boolean {
  if (typeof wanted === 'number') {
    if (typeof got !== 'number') return false;
    const decimals = Math.max(1, String(wanted).split('.')[1]?.length ?? 0);
    return Math.abs(got - wanted) <= 0.5 * 10 ** -decimals + Number.EPSILON;
  }
  const range = typeof wanted === 'string' ? /^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)$/.exec(wanted) : null;
  if (range !== null) return typeof got === 'number' && got >= Number(range[1]) && got <= Number(range[2]);
  return got === wanted;
}
