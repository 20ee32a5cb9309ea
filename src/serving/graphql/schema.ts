import {
  type GraphQLArgumentConfig,
  GraphQLBoolean,
  type GraphQLFieldConfig,
  GraphQLInterfaceType,
  GraphQLNonNull,
  type GraphQLNullableInputType,
  type GraphQLNullableOutputType,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  Kind,
  printSchema,
  type SelectionSetNode,
} from 'graphql';
import { assert } from '../../model/errors.ts';
import { type OperationName, operationNames, operationOf } from '../operations.ts';
import type { Operation } from '../queries/operation.ts';
import type { Envelope } from '../service.ts';
import { inputMembers, inputOf, type Member, outputShape, pascal } from '../shapes.ts';
import { idScalar, scalars } from './scalars.ts';
import { camel, describe, TypesOfShapes } from './types.ts';

/** Runs one operation for the caller of a request, and gives its envelope. */
export interface GraphqlContext {
  call(name: OperationName, orgId: string | null, input: Record<string, unknown>, place: FieldPlace): Promise<Envelope>;
}

/** Where in its request a field stands. */
interface FieldPlace {
  /** The name under which it is answered. */
  readonly alias: string;
  readonly isAlone: boolean;
}

type Field = GraphQLFieldConfig<unknown, GraphqlContext>;

interface GraphqlSchema {
  readonly schema: GraphQLSchema;
  /** The operation of each field of Query and Mutation. */
  readonly operationOfField: ReadonlyMap<string, OperationName>;
}

/** Accounts and what opens with them are not changed here. */
const editing: ReadonlySet<Operation['permission']> = new Set(['rules.write', 'records.write']);

/**
 * The schema, from the table of operations: every reading one is a field of Query, every one that writes rules or
 * sends records again a field of Mutation.
 */
export function makeGraphqlSchema(): GraphqlSchema {
  const types = new TypesOfShapes();
  const answers = new AnswerTypes(types);
  const fields = { query: {} as Record<string, Field>, mutation: {} as Record<string, Field> };
  const operationOfField = new Map<string, OperationName>();
  for (const name of operationNames) {
    const described = operationOf(name);
    if (described.isWrite && !editing.has(described.permission)) continue;
    const field = fieldOf(name);
    assert(!operationOfField.has(field), `two operations are called ${field}`);
    operationOfField.set(field, name);
    fields[described.isWrite ? 'mutation' : 'query'][field] = operationField(name, described, types, answers);
  }
  const query = new GraphQLObjectType({ name: 'Query', fields: fields.query });
  const mutation = new GraphQLObjectType({ name: 'Mutation', fields: fields.mutation });
  return { schema: new GraphQLSchema({ query, mutation, types: [answers.common] }), operationOfField };
}

/** The schema as its file has it. */
export function printGraphqlSchema(): string {
  return `${printSchema(makeGraphqlSchema().schema)}\n`;
}

/** `listFlights` → `flights`, `getFlight` → `flight`; what is neither keeps its verb. */
function fieldOf(name: OperationName): string {
  const bare = name.replace(/^(list|get)(?=[A-Z])/, '');
  return bare.charAt(0).toLowerCase() + bare.slice(1);
}

function operationField(name: OperationName, described: Operation, types: TypesOfShapes, answers: AnswerTypes): Field {
  const members = inputMembers(name, described);
  const isOfOrganization = described.scope === 'organization';
  const args: Record<string, GraphQLArgumentConfig> = isOfOrganization
    ? { organization: { type: new GraphQLNonNull(idScalar), description: 'The organization of the call.' } }
    : {};
  const givesNothing = outputShape(name, described) === null;
  for (const member of members) args[camel(member.name)] = argumentOf(member, members, types);
  return {
    type: answers.of(name, described),
    description: inCamels(
      `${described.doc}${described.permission === null ? '' : `\n\nNeeds \`${described.permission}\`.`}`,
      members,
    ),
    args,
    async resolve(_, given: Record<string, unknown>, context, { path, operation }) {
      const orgId = isOfOrganization ? String(given.organization) : null;
      const answer = await context.call(
        name,
        orgId,
        inputOf(members, (member) => given[camel(member)]),
        { alias: String(path.key), isAlone: isOneField(operation.selectionSet) },
      );
      return givesNothing ? true : answer;
    },
  };
}

function isOneField({ selections }: SelectionSetNode): boolean {
  return selections.length === 1 && selections[0].kind === Kind.FIELD;
}

/** Members that the words name are called as they are here. */
function inCamels(doc: string, members: readonly Member[]): string {
  const names = new Set(['next_cursor', ...members.map(({ name }) => name)]);
  return doc.replace(/`(\w+)`/g, (quoted, name: string) => (names.has(name) ? `\`${camel(name)}\`` : quoted));
}

function argumentOf(member: Member, members: readonly Member[], types: TypesOfShapes): GraphQLArgumentConfig {
  const { shape, doc, isNullable, isOptional, default: value } = member;
  const type = types.input(shape);
  const isRequired = !isNullable && !isOptional;
  return {
    type: isRequired ? new GraphQLNonNull<GraphQLNullableInputType>(type) : type,
    description: describe(inCamels(doc, members), shape),
    ...(value === undefined ? {} : { default: { value } }),
  };
}

/** Answers: what was asked for, and how well it is known, with the same words as on every door. */
class AnswerTypes {
  readonly common: GraphQLInterfaceType;
  readonly #types: TypesOfShapes;
  readonly #made = new Map<string, GraphQLObjectType>();

  constructor(types: TypesOfShapes) {
    this.#types = types;
    this.common = new GraphQLInterfaceType({
      name: 'Answer',
      description: 'What every answer says of itself.',
      fields: knowledge,
      resolveType: () => undefined,
    });
  }

  of(name: OperationName, described: Operation): Field['type'] {
    const shape = outputShape(name, described);
    if (shape === null) return GraphQLBoolean;
    const entry = shape.kind === 'list' ? shape.of : shape;
    assert(entry.kind === 'object', `${name} gives things with names`);
    const type = `${entry.name}${shape.kind === 'list' ? 'List' : 'Answer'}`;
    const made =
      this.#made.get(type) ??
      new GraphQLObjectType({
        name: pascal(type),
        interfaces: [this.common],
        fields: {
          data: { type: new GraphQLNonNull<GraphQLNullableOutputType>(this.#types.output(shape)) },
          ...knowledge,
        },
      });
    this.#made.set(type, made);
    return made;
  }
}

const said = (name: keyof Envelope, type: GraphQLFieldConfig<unknown, unknown>['type'], description: string) => ({
  type,
  description,
  resolve: (envelope: unknown) => (envelope as Envelope)[name],
});

const knowledge = {
  nextCursor: said(
    'next_cursor',
    GraphQLString,
    'Continues the list, as `cursor`; null at its end, and where there is no list.',
  ),
  dataVersion: said(
    'data_version',
    scalars.version,
    'Highest row version in the answer; null where it holds no row of a table.',
  ),
  completeThrough: said(
    'complete_through',
    scalars.instant,
    'Event time up to which all that is shown is complete; null = not known for all of it.',
  ),
  reach: said(
    'reach',
    GraphQLString,
    'How far back the answer could look: hot = what ClickHouse keeps, all_times = also what left it for the lake; null where no period is asked for.',
  ),
  asOf: said('as_of', scalars.instant, 'Log time of the newest thing that the answer knows.'),
};
