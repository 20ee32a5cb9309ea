import { canonicalJson } from '../rules/compile-plan.ts';

export interface FieldDifference {
  /** Dotted, as in `warning.when`. */
  readonly field: string;
  /** As JSON; null = absent. */
  readonly before: string | null;
  readonly after: string | null;
}

/** Where two values of plain objects differ, down to the field, by name. Lists are one field. */
export function differingFields(before: unknown, after: unknown, path: readonly string[] = []): FieldDifference[] {
  if (isPlainObject(before) && isPlainObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].sort().flatMap((name) => differingFields(before[name], after[name], [...path, name]));
  }
  const [left, right] = [before, after].map((value) => (value === undefined ? null : canonicalJson(value)));
  return left === right ? [] : [{ field: path.join('.'), before: left, after: right }];
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
