import type * as z from 'zod';
import { EngineError } from '../../model/errors.ts';

type Kind = 'text' | 'number' | 'boolean' | 'list';

/**
 * The members of an input that stand in the path and the query, as their types say: text stays text, numbers and
 * booleans are read, a list is a parameter given several times. What is unknown or given twice is refused.
 */
export function readMembers(
  input: z.ZodObject,
  path: Readonly<Record<string, string>>,
  query: URLSearchParams,
): Record<string, unknown> {
  const shape = input.shape as Record<string, z.ZodType>;
  const members: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(path))
    if (name !== 'organization') members[name] = read(name, [value], shape[name]);
  for (const name of new Set(query.keys())) {
    if (!Object.hasOwn(shape, name) || Object.hasOwn(path, name))
      throw new EngineError(
        'REQUEST_INVALID',
        `${name.slice(0, 64)}: is no parameter here; known are ${known(shape, path)}`,
      );
    members[name] = read(name, query.getAll(name), shape[name]);
  }
  return members;
}

function known(shape: Record<string, z.ZodType>, path: Readonly<Record<string, string>>): string {
  return (
    Object.keys(shape)
      .filter((name) => !Object.hasOwn(path, name))
      .join(', ') || 'none'
  );
}

function read(name: string, values: readonly string[], schema: z.ZodType): unknown {
  const kind = kindOf(schema);
  if (kind === 'list') return values;
  if (values.length > 1) throw new EngineError('REQUEST_INVALID', `${name}: is given more than once`);
  const [value] = values;
  // What is no number stays text, and the schema says what it wants.
  if (kind === 'number') return /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  if (kind === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  return value;
}

function kindOf(schema: z.ZodType): Kind {
  const { type, innerType } = schema.def as { type: string; innerType?: z.ZodType };
  if (innerType !== undefined) return kindOf(innerType);
  if (type === 'array') return 'list';
  if (type === 'number' || type === 'int') return 'number';
  return type === 'boolean' ? 'boolean' : 'text';
}
