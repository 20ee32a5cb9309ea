import * as z from 'zod';
import { spelling } from './queries/columns.ts';
import type { Operation } from './queries/operation.ts';

/** What a value is, as doors with types of their own need to know it. */
export type Shape =
  | { readonly kind: ScalarKind }
  | ChoiceShape
  | { readonly kind: 'list'; readonly of: Shape }
  | ObjectShape;

export type ScalarKind =
  | 'text'
  /** Millionths of a currency as text. */
  | 'micros'
  /** An exact decimal as text. */
  | 'decimal'
  /** `generation:offset`. */
  | 'version'
  | 'instant'
  | 'date'
  /** Whole, in 32 bits. */
  | 'integer'
  /** Whole, in the 53 bits that a double holds. */
  | 'long'
  | 'number'
  | 'boolean'
  /** Whatever JSON can say. */
  | 'json';

/** One of some words. */
export interface ChoiceShape {
  readonly kind: 'choice';
  readonly name: string;
  readonly values: readonly string[];
}

export interface ObjectShape {
  readonly kind: 'object';
  readonly name: string;
  readonly members: readonly Member[];
}

export interface Member {
  readonly name: string;
  readonly doc: string;
  readonly shape: Shape;
  readonly isNullable: boolean;
  /** An input may leave it out. */
  readonly isOptional: boolean;
  /** What an input without it means; undefined where that is told in words. */
  readonly default: unknown;
}

/** Of `data` in an answer; null where there is nothing to say, as after a deletion. */
export function outputShape(name: string, { output }: Operation): Shape | null {
  const schema = z.toJSONSchema(output, { io: 'output' }) as JsonSchema;
  return schema.type === 'null' ? null : shapeOf(schema, name);
}

const membersOfInputs = new WeakMap<Operation['input'], readonly Member[]>();

/** Worked out once: some doors ask at each call. */
export function inputMembers(name: string, { input }: Operation): readonly Member[] {
  const known = membersOfInputs.get(input);
  if (known !== undefined) return known;
  const members = membersOf(z.toJSONSchema(input, { io: 'input' }) as JsonSchema, pascal(name));
  membersOfInputs.set(input, members);
  return members;
}

/**
 * The input that a caller means who may leave anything out: what an operation wants said is null then, and what may
 * not be null was not said.
 */
export function inputOf(members: readonly Member[], said: (member: string) => unknown): Record<string, unknown> {
  const given = members.flatMap(({ name, isOptional, isNullable }) => {
    const value = said(name);
    if (value !== undefined && (value !== null || isNullable)) return [[name, value] as const];
    return isOptional ? [] : [[name, null] as const];
  });
  return Object.fromEntries(given);
}

/** `listFlights` → `ListFlights`, `at_risk` → `AtRisk`. */
export function pascal(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

function shapeOf(schema: JsonSchema, name: string): Shape {
  const { type, title } = schema;
  const own = title ?? pascal(name);
  if (schema.enum !== undefined) return { kind: 'choice', name: own, values: schema.enum };
  if (type === 'array') return { kind: 'list', of: shapeOf(schema.items ?? {}, name) };
  if (schema.properties !== undefined) return { kind: 'object', name: own, members: membersOf(schema, own) };
  return { kind: scalarKind(schema) };
}

function membersOf({ properties = {}, required = [] }: JsonSchema, owner: string): Member[] {
  return Object.entries(properties).map(([name, given]) => {
    const { only, isNullable } = withoutNull(given);
    return {
      name,
      doc: given.description ?? only.description ?? '',
      shape: shapeOf(only, `${owner}${pascal(name)}`),
      isNullable,
      isOptional: !required.includes(name),
      default: given.default,
    };
  });
}

function withoutNull(schema: JsonSchema): { readonly only: JsonSchema; readonly isNullable: boolean } {
  const { type, anyOf = [] } = schema;
  if (Array.isArray(type)) {
    const types = type.filter((each) => each !== 'null');
    return { only: { ...schema, type: types.length === 1 ? types[0] : types }, isNullable: types.length < type.length };
  }
  const options = anyOf.filter((each) => each.type !== 'null');
  const isNullable = options.length < anyOf.length;
  return { only: isNullable && options.length === 1 ? options[0] : schema, isNullable };
}

const int32Max = 2 ** 31 - 1;

function scalarKind({ type, format, pattern, minimum = -Infinity, maximum = Infinity }: JsonSchema): ScalarKind {
  if (type === 'string') {
    if (format === 'date-time') return 'instant';
    if (format === 'date') return 'date';
    return pattern === undefined ? 'text' : (textKinds[pattern] ?? 'text');
  }
  if (type === 'integer') return minimum >= -int32Max && maximum <= int32Max ? 'integer' : 'long';
  if (type === 'number' || type === 'boolean') return type;
  return 'json';
}

/** Exact numbers travel as text, and are told by how they are spelt (queries/columns.ts). */
const textKinds: Readonly<Record<string, ScalarKind>> = Object.fromEntries(
  Object.entries(spelling).map(([kind, { source }]) => [source, kind as keyof typeof spelling]),
);
