import {
  GraphQLEnumType,
  type GraphQLFieldConfig,
  type GraphQLInputType,
  GraphQLList,
  GraphQLNonNull,
  type GraphQLNullableInputType,
  type GraphQLNullableOutputType,
  GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLScalarType,
} from 'graphql';
import { assert } from '../../model/errors.ts';
import type { ChoiceShape, Member, ObjectShape, Shape } from '../shapes.ts';
import { scalars } from './scalars.ts';

/** `campaign_id` as GraphQL spells names. */
export function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** GraphQL's types of shapes; equal names are one type. */
export class TypesOfShapes {
  readonly #made = new Map<string, { readonly shape: string; readonly type: GraphQLObjectType | GraphQLEnumType }>();

  output(shape: Shape): GraphQLNullableOutputType {
    if (shape.kind === 'list')
      return new GraphQLList<GraphQLOutputType>(new GraphQLNonNull<GraphQLNullableOutputType>(this.output(shape.of)));
    if (shape.kind === 'object') return this.#object(shape);
    return this.#both(shape);
  }

  input(shape: Shape): GraphQLNullableInputType {
    if (shape.kind === 'list')
      return new GraphQLList<GraphQLInputType>(new GraphQLNonNull<GraphQLNullableInputType>(this.input(shape.of)));
    assert(shape.kind !== 'object', 'inputs are flat');
    return this.#both(shape);
  }

  /** What goes both ways. */
  #both(shape: Exclude<Shape, ObjectShape | { kind: 'list' }>): GraphQLScalarType | GraphQLEnumType {
    if (shape.kind !== 'choice') return scalars[shape.kind];
    return isSpeakable(shape) ? this.#choice(shape) : scalars.text;
  }

  #object(shape: ObjectShape): GraphQLObjectType {
    return this.#once(shape, () => {
      const fields = shape.members.map((member) => [camel(member.name), this.#field(member)] as const);
      return new GraphQLObjectType({ name: shape.name, fields: Object.fromEntries(fields) });
    }) as GraphQLObjectType;
  }

  #field({ name, doc, shape, isNullable, isOptional }: Member): GraphQLFieldConfig<Record<string, unknown>, unknown> {
    const type = this.output(shape);
    return {
      type: isNullable || isOptional || isAnything(shape) ? type : new GraphQLNonNull<GraphQLNullableOutputType>(type),
      description: describe(doc, shape),
      resolve: (row) => row[name],
    };
  }

  #choice(shape: ChoiceShape): GraphQLEnumType {
    const values = Object.fromEntries(shape.values.map((value) => [value, { value }]));
    return this.#once(shape, () => new GraphQLEnumType({ name: shape.name, values })) as GraphQLEnumType;
  }

  #once(shape: ObjectShape | ChoiceShape, make: () => GraphQLObjectType | GraphQLEnumType) {
    const spelling = JSON.stringify(shape);
    const held = this.#made.get(shape.name);
    assert(held === undefined || held.shape === spelling, `two shapes are called ${shape.name}`);
    if (held !== undefined) return held.type;
    const type = make();
    this.#made.set(shape.name, { shape: spelling, type });
    return type;
  }
}

/** Null is a value of JSON, too. */
function isAnything(shape: Shape): boolean {
  return shape.kind === 'json';
}

/** GraphQL's enums have names for values; a dot, or the word `false`, is none. */
function isSpeakable({ values }: ChoiceShape): boolean {
  return values.every((value) => /^[A-Za-z_]\w*$/.test(value) && !['true', 'false', 'null'].includes(value));
}

/** The words of a choice that can be no enum are told here. */
export function describe(doc: string, shape: Shape): string | undefined {
  const inner = shape.kind === 'list' ? shape.of : shape;
  const words =
    inner.kind === 'choice' && !isSpeakable(inner)
      ? `One of ${inner.values.map((value) => `\`${value}\``).join(', ')}.`
      : '';
  const told = [doc, words].filter((each) => each !== '').join(' ');
  return told === '' ? undefined : told;
}
