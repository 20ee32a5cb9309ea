import type * as z from 'zod';
import type { Problem } from '../control/config/problem.ts';
import { type Place, readYaml, type YamlDocument } from '../control/config/yaml-document.ts';
import { nearest } from '../model/nearest.ts';
import { wishOf } from '../model/wish.ts';

/** A YAML file held against a schema; every problem knows its line and column. */
export interface CheckedFile<T> {
  readonly file: string;
  /** Undefined when there are problems. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
  /** Where a value stands; the nearest enclosing place when the value itself is absent. */
  placeOf(path: readonly PropertyKey[]): Place;
  /** Where the character `at` of a text value stands. */
  placeInside(path: readonly PropertyKey[], at: number): Place;
}

export function checkFile<S extends z.ZodType>(file: string, text: string, schema: S): CheckedFile<z.infer<S>> {
  const document = readYaml(file, text, (scalar) => scalar.value);
  const placeOf = (path: readonly PropertyKey[]) => placeIn(document, path);
  const places = {
    placeOf,
    placeInside: (path: readonly PropertyKey[], at: number) =>
      document.placeInside(path.map(String).join('.'), at) ?? placeOf(path),
  };
  if (document.problems.length > 0) return { file, value: undefined, problems: document.problems, ...places };
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return { file, value: parsed.data, problems: [], ...places };
  const problems = parsed.error.issues.flatMap((issue) => explain(issue, document, schema));
  return { file, value: undefined, problems, ...places };
}

function explain(issue: z.core.$ZodIssue, document: YamlDocument, schema: z.ZodType): Problem[] {
  if (issue.code !== 'unrecognized_keys') {
    return [
      {
        ...placeIn(document, issue.path),
        message: `${issue.path.map(String).join('.') || 'the file'}${sayWish(issue)}`,
      },
    ];
  }
  return issue.keys.map((key) => {
    const known = keysAt(schema, issue.path);
    const near = nearest(key, known);
    const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`;
    const place = document.keys.get([...issue.path.map(String), key].join('.')) ?? placeIn(document, issue.path);
    return { ...place, message: `unknown key "${key}"; ${hint}` };
  });
}

function sayWish(issue: z.core.$ZodIssue): string {
  const isOurs = issue.code === 'custom' || issue.code === 'invalid_format';
  return isOurs ? `: ${wishOf(issue)}` : ` ${wishOf(issue)}`;
}

function placeIn(document: YamlDocument, path: readonly PropertyKey[]): Place {
  for (let length = path.length; length >= 0; length--) {
    const place = document.values.get(path.slice(0, length).map(String).join('.'));
    if (place !== undefined) return place;
  }
  return { file: document.file, line: 1, column: 1 };
}

/** Keys that a schema knows at a path; walks through optional and nullable wrappers and records. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  let node = unwrap(schema);
  for (const step of path) node = unwrap(node?.shape?.[String(step)] ?? node?.def?.valueType ?? node?.def?.element);
  return Object.keys(node?.shape ?? {});
}

interface SchemaNode {
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly def?: {
    readonly type?: string;
    readonly innerType?: unknown;
    readonly valueType?: unknown;
    readonly element?: unknown;
    readonly in?: unknown;
    readonly out?: unknown;
  };
}

function unwrap(schema: unknown): SchemaNode | undefined {
  let node = schema as SchemaNode | undefined;
  for (;;) {
    const { type, innerType, in: from, out } = node?.def ?? {};
    if (innerType !== undefined) node = innerType as SchemaNode;
    // Of a schema and what makes something else of it, the schema knows the keys.
    else if (type === 'pipe') node = ((from as SchemaNode).def?.type === 'transform' ? out : from) as SchemaNode;
    else return node;
  }
}
