import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { Problem } from './problem.ts';
import { yamlWords } from './yaml-words.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A scalar as written: plain ones may become numbers after expansion, quoted ones stay text. */
interface YamlScalar {
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

type ScalarExpander = (scalar: YamlScalar, place: Place, path: readonly string[]) => unknown;

/** More than any file of people, and little enough that reading it holds nobody up. */
const textBytesMax = 1024 * 1024;
/** Values of a document, those that aliases repeat included: a few lines of aliases could stand for more than fits anywhere. */
const valuesMax = 100_000;
const nestingMax = 64;

/**
 * Reads YAML 1.2. Scalars pass through `expand` after parsing, so no reference can ever add structure.
 * Whatever the text, reading ends soon: size, nesting and values are bounded, aliases counted as often as
 * they stand. What is wrong is returned, not thrown, and then `value` must not be used.
 */
export function readYaml(file: string, text: string, expand: ScalarExpander): YamlDocument {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (Buffer.byteLength(text) > textBytesMax) {
    const message = `is longer than ${textBytesMax} bytes`;
    return {
      file,
      value: null,
      values: new Map(),
      keys: new Map(),
      problems: [{ file, line: 1, column: 1, message }],
      placeInside: () => undefined,
    };
  }
  const parsed = parse(text, lines);
  const walk = new Walk(expand, placeAt);
  const problems = troubles(parsed.errors, text).map(({ at, message }) => ({ ...placeAt(at), message }));
  const value = problems.length > 0 ? null : walk.visit(parsed.document.contents, [], 0);
  const placeInside = (path: string, at: number): Place | undefined => {
    const scalar = walk.scalars.get(path);
    return scalar?.range ? placeAt(scalar.range[0] + offsetInside(scalar, text, at)) : undefined;
  };
  const { values, keys } = walk;
  return { file, value, values, keys, problems: [...problems, ...walk.problems], placeInside };
}

/** The parser compares every key of a mapping with every other; we look for twins ourselves. */
function parse(text: string, lineCounter: LineCounter): { document: Document.Parsed; errors: readonly YAMLError[] } {
  const document = parseDocument(text, { lineCounter, version: '1.2', prettyErrors: false, uniqueKeys: false });
  // Unknown tags are warnings to the parser, and values that nobody meant to us.
  return { document, errors: [...document.errors, ...document.warnings] };
}

/** What the parser found, in our words. */
function troubles(errors: readonly YAMLError[], text: string): { at: number; message: string }[] {
  const bare = errors.find(({ pos: [at] }) => text.startsWith('${', at) || text.startsWith('${', at - 1));
  if (bare === undefined) return errors.map((error) => ({ at: error.pos[0], message: yamlWords(error) }));
  // A brace begins a mapping there, and all that follows is nonsense to the parser.
  const at = text.startsWith('${', bare.pos[0]) ? bare.pos[0] : bare.pos[0] - 1;
  return [{ at, message: 'inside { } and [ ] put a reference between quotes: "${env:NAME}"' }];
}

/** One walk over the nodes: the plain value, and where each part of it stands. */
class Walk {
  readonly values = new Map<string, Place>();
  readonly keys = new Map<string, Place>();
  readonly scalars = new Map<string, Scalar>();
  readonly problems: Problem[] = [];
  readonly #expand: ScalarExpander;
  readonly #placeAt: (offset: number) => Place;
  /** The newest value of each anchor, as far as we came. */
  readonly #anchors = new Map<string, Node>();
  /** Aliases that we are inside of. */
  #aliases = 0;
  #left = valuesMax;
  #isCut = false;

  constructor(expand: ScalarExpander, placeAt: (offset: number) => Place) {
    this.#expand = expand;
    this.#placeAt = placeAt;
  }

  /** The value of a node. `place` is where an alias stands that names it; absent = its own. */
  visit(node: unknown, path: readonly string[], depth: number, place = this.#placeOf(node)): unknown {
    const name = path.join('.');
    if (!this.values.has(name) || hasRange(node)) this.values.set(name, place);
    this.#left -= 1;
    if (this.#left < 0)
      return this.#cut(place, `it stands for more than ${valuesMax} values: aliases count as often as they stand`);
    if (depth > nestingMax) return this.#cut(place, `it nests deeper than ${nestingMax}`);
    if (this.#aliases === 0 && (isScalar(node) || isCollection(node)) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, node);
    if (isAlias(node)) return this.#visitAlias(node, path, depth, place);
    if (isMap(node)) return this.#visitMap(node, path, depth);
    if (isSeq(node)) return node.items.map((item, index) => this.visit(item, [...path, String(index)], depth + 1));
    if (!isScalar(node)) return null;
    this.scalars.set(name, node);
    return this.#expand({ value: node.value, isPlain: node.type === 'PLAIN' }, place, path);
  }

  #visitAlias(alias: Alias, path: readonly string[], depth: number, place: Place): unknown {
    const target = this.#anchors.get(alias.source);
    if (target !== undefined) {
      this.#aliases += 1;
      const value = this.visit(target, path, depth + 1, place);
      this.#aliases -= 1;
      return value;
    }
    this.problems.push({ ...place, message: `no value before this has the anchor &${alias.source}` });
    return null;
  }

  #visitMap(map: YAMLMap, path: readonly string[], depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const { key, value } of map.items) {
      const keyPlace = this.#placeOf(key);
      const name = isScalar(key) ? String(key.value) : '';
      const at = [...path, name];
      const dotted = at.join('.');
      if (!isScalar(key)) this.problems.push({ ...keyPlace, message: 'a key must be a text' });
      else if (Object.hasOwn(result, name))
        this.problems.push({ ...keyPlace, message: `key "${name}" stands here twice` });
      this.keys.set(dotted, keyPlace);
      this.values.set(dotted, keyPlace);
      // Assigned, `__proto__` would change the object itself instead of adding a key.
      if (name === '__proto__') this.problems.push({ ...keyPlace, message: 'a key may not be named __proto__' });
      else result[name] = this.visit(value, at, depth + 1);
      if (this.#isCut) break;
    }
    return result;
  }

  /** Says once that the document is beyond a bound; what is left of the walk ends at once. */
  #cut(place: Place, message: string): null {
    if (!this.#isCut) this.problems.push({ ...place, message });
    this.#isCut = true;
    this.#left = 0;
    return null;
  }

  #placeOf(node: unknown): Place {
    return this.#placeAt(hasRange(node) ? node.range[0] : 0);
  }
}

function hasRange(node: unknown): node is { readonly range: readonly [number, number, number] } {
  return isNode(node) && node.range != null;
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
