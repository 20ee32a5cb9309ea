import {
  GraphQLBoolean,
  GraphQLError,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLScalarType,
  GraphQLString,
  Kind,
  type ValueNode,
  valueFromASTUntyped,
} from 'graphql';
import type { ScalarKind } from '../shapes.ts';

/** Text with a meaning. What an operation gives is spelt right; what a caller gives, its operation checks. */
function spelt(name: string, description: string): GraphQLScalarType {
  return new GraphQLScalarType({
    name,
    description,
    coerceOutputValue: String,
    coerceInputValue: (value) => textOf(name, value),
    coerceInputLiteral: (node) => textOf(name, node.kind === Kind.STRING ? node.value : null),
  });
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new GraphQLError(`${name} is text`);
}

/** GraphQL's own Int ends at 32 bits, where offsets and counters do not. */
const long = new GraphQLScalarType({
  name: 'Long',
  description: 'A whole number of at most 53 bits.',
  coerceOutputValue: (value) => wholeOf(value),
  coerceInputValue: wholeOf,
  coerceInputLiteral: (node) => wholeOf(node.kind === Kind.INT ? Number(node.value) : null),
});

function wholeOf(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw new GraphQLError('Long is a whole number of at most 53 bits');
}

const json = new GraphQLScalarType({
  name: 'JSON',
  description: 'Whatever JSON can say.',
  coerceInputValue: (value) => value,
  coerceInputLiteral: literalOf,
});

/** Built of what the document says, without its variables, which JSON has none of. */
function literalOf(node: ValueNode): unknown {
  return valueFromASTUntyped(node);
}

/** GraphQL's name for each kind of value. */
export const scalars: Readonly<Record<ScalarKind, GraphQLScalarType>> = {
  text: GraphQLString,
  micros: spelt('Micros', 'Millionths of a currency, a whole number of up to 64 bits as text.'),
  decimal: spelt('Decimal', 'An exact decimal as text, with up to six digits behind its point.'),
  version: spelt('Version', 'Generation and offset of the record that last changed a row, `generation:offset`.'),
  instant: spelt('DateTime', 'An instant, RFC 3339 (`2026-03-08T17:29:11.148Z`).'),
  date: spelt('Date', 'A local day, `2026-03-08`.'),
  integer: GraphQLInt,
  long,
  number: GraphQLFloat,
  boolean: GraphQLBoolean,
  json,
};

export const idScalar = GraphQLID;
