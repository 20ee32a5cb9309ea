import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar } from 'yaml';
import type { Problem } from './problem.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A scalar as written: plain ones may become numbers after expansion, quoted ones stay text. */
export interface YamlScalar {
  readonly value: unknown;
  readonly isPlain: boolean;
}

/** A YAML file as a plain value plus where each key and each value stands. */
export interface YamlDocument {
  readonly file: string;
  readonly value: unknown;
  /** By dotted path; `''` is the document itself. */
  readonly values: ReadonlyMap<string, Place>;
  readonly keys: ReadonlyMap<string, Place>;
  readonly problems: readonly Problem[];
  /** Where the character `at` of the text value at a dotted path stands; undefined = there is no text there. */
  placeInside(path: string, at: number): Place | undefined;
}

export type ScalarExpander = (scalar: YamlScalar, place: Place, path: readonly string[]) => unknown;

/**
 * Reads YAML 1.2. Scalars pass through `expand` after parsing, so no reference can ever add structure.
 * Syntax errors are returned, not thrown, and then `value` must not be used.
 */
export function readYaml(file: string, text: string, expand: ScalarExpander): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, version: '1.2', prettyErrors: false });
  const values = new Map<string, Place>();
  const keys = new Map<string, Place>();
  const scalars = new Map<string, Scalar>();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = document.errors.map((error) => ({ ...placeAt(error.pos[0]), message: firstLine(error.message) }));

  function walk(node: Node | null, path: readonly string[]): unknown {
    const place = placeAt(node?.range?.[0] ?? 0);
    if (!values.has(path.join('.')) || node?.range) values.set(path.join('.'), place);
    if (isMap(node)) {
      const result: Record<string, unknown> = {};
      for (const { key, value } of node.items) {
        const name = String(isScalar(key) ? key.value : key);
        const at = [...path, name];
        const keyPlace = placeAt((key as Node).range?.[0] ?? 0);
        keys.set(at.join('.'), keyPlace);
        values.set(at.join('.'), keyPlace);
        // Assigned, `__proto__` would change the object itself instead of adding a key.
        if (name === '__proto__') problems.push({ ...keyPlace, message: 'a key may not be named __proto__' });
        else result[name] = walk(value as Node | null, at);
      }
      return result;
    }
    if (isSeq(node)) return node.items.map((item, index) => walk(item as Node, [...path, String(index)]));
    if (!isScalar(node)) return node === null ? null : (node.toJS(document) as unknown);
    scalars.set(path.join('.'), node);
    return expand({ value: node.value, isPlain: (node as Scalar).type === 'PLAIN' }, place, path);
  }

  const value = problems.length > 0 ? null : walk(document.contents as Node | null, []);
  const placeInside = (path: string, at: number): Place | undefined => {
    const scalar = scalars.get(path);
    return scalar?.range ? placeAt(scalar.range[0] + offsetInside(scalar, text, at)) : undefined;
  };
  return { file, value, values, keys, problems, placeInside };
}

/** Steps from the start of a scalar, as written, to the character `at` of its value. */
function offsetInside(scalar: Scalar, text: string, at: number): number {
  const [start, end] = scalar.range ?? [0, 0];
  const written = text.slice(start, end);
  const [isSingle, isDouble] = [scalar.type === 'QUOTE_SINGLE', scalar.type === 'QUOTE_DOUBLE'];
  const isBlock = scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED';
  // Folding and indentation change white space alone, so the other characters are counted.
  let left = String(scalar.value).slice(0, at).replaceAll(/\s/g, '').length;
  let step = isBlock ? written.indexOf('\n') + 1 : isSingle || isDouble ? 1 : 0;
  for (; step < written.length; step++) {
    if (/\s/.test(written[step])) continue;
    if (left === 0) break;
    const isEscape = isDouble ? written[step] === '\\' : isSingle && written.startsWith("''", step);
    if (isEscape) step += 1;
    left -= 1;
  }
  return step;
}

function firstLine(message: string): string {
  return message.split('\n')[0].replace(/:$/, '');
}
