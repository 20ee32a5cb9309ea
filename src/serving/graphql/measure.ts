import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { EngineError } from '../../model/errors.ts';
import { type OperationName, operationOf } from '../operations.ts';
import { paging } from '../queries/fields.ts';
import type { GraphqlSettings } from './config.ts';

interface Measured {
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationOfField: ReadonlyMap<string, OperationName>;
  readonly settings: GraphqlSettings;
}

/** What a selection comes to, its fragments spread. */
interface Size {
  readonly depth: number;
  readonly aliases: number;
  readonly fields: number;
}

const nothing: Size = { depth: 0, aliases: 0, fields: 0 };
/** The query that tools send goes so deep, and is refused for nothing else. */
const introspectionDepthMax = 16;
/** Enough for every member of every answer that the cost allows. */
const fieldsMax = 5_000;
/** Entries that are one more of the cost. */
const entriesOfCost = 100;

/**
 * Refuses what asks for too much, before anything looks at it more closely: what comes later may take the square of
 * what is said. Throws REQUEST_INVALID.
 */
export function refuseTooMuch(document: DocumentNode, measured: Measured): void {
  const { operation, settings } = measured;
  const sizes = new SizesOfFragments(document);
  const roots = rootFields(operation.selectionSet, sizes);
  const asked = roots.filter(({ name }) => isIntrospection(name.value));
  refuseIntrospection(asked, roots, settings);
  const { depth, aliases, fields } = sizes.of(operation.selectionSet);
  const depthMax = asked.length > 0 ? introspectionDepthMax : settings.depth_max;
  if (depth > depthMax) throw tooMuch(`fields are nested ${depth} deep`, depthMax);
  if (aliases > settings.aliases_max) throw tooMuch(`${aliases} fields have another name`, settings.aliases_max);
  if (fields > fieldsMax) throw tooMuch(`${fields} fields are asked for`, fieldsMax);
  const cost = roots.reduce((sum, field) => sum + costOf(field, measured), 0);
  if (cost > settings.cost_max) throw tooMuch(`the request costs ${cost}`, settings.cost_max);
}

function tooMuch(what: string, most: number): EngineError {
  return new EngineError('REQUEST_INVALID', `${what}; ${most} is the most (serving.graphql)`);
}

function isIntrospection(name: string): boolean {
  return name === '__schema' || name === '__type';
}

function refuseIntrospection(
  asked: readonly FieldNode[],
  roots: readonly FieldNode[],
  { introspection }: GraphqlSettings,
): void {
  if (asked.length === 0) return;
  if (!introspection) throw new EngineError('REQUEST_INVALID', 'the schema is not told here; docs/api/ has it');
  if (asked.length > 1 || roots.some(({ name }) => !name.value.startsWith('__')))
    throw new EngineError('REQUEST_INVALID', 'the schema is asked for once, and alone');
}

/** An operation costs what the table says, and what it may give; the schema itself costs one. */
function costOf(field: FieldNode, { operationOfField, variables, operation }: Measured): number {
  const name = operationOfField.get(field.name.value);
  if (name === undefined) return 1;
  const { cost, input } = operationOf(name);
  if (!Object.hasOwn(input.shape, 'limit')) return cost;
  return cost + Math.ceil(limitOf(field, variables, operation) / entriesOfCost);
}

/** What is no number is refused later, and costs what it would by default. */
function limitOf(field: FieldNode, variables: Measured['variables'], operation: OperationDefinitionNode): number {
  const given = field.arguments?.find(({ name }) => name.value === 'limit')?.value;
  if (given?.kind === Kind.INT) return Number(given.value);
  const byDefault = paging.limit.parse(undefined);
  if (given?.kind !== Kind.VARIABLE) return byDefault;
  const name = given.name.value;
  const declared = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
  const value = variables[name] ?? (declared?.kind === Kind.INT ? Number(declared.value) : byDefault);
  return typeof value === 'number' && value >= 0 ? value : byDefault;
}

/** Fields of the operation itself, those of its fragments among them. */
function rootFields(set: SelectionSetNode, sizes: SizesOfFragments, seen = new Set<string>()): FieldNode[] {
  return set.selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT) return rootFields(selection.selectionSet, sizes, seen);
    const name = selection.name.value;
    const fragment = sizes.fragment(name);
    if (fragment === undefined || seen.has(name)) return [];
    seen.add(name);
    return rootFields(fragment.selectionSet, sizes, seen);
  });
}

/** Sizes of selections; each fragment is measured once, however often it is spread. */
class SizesOfFragments {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #known = new Map<string, Size | 'open'>();

  constructor({ definitions }: DocumentNode) {
    const fragments = definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION) as FragmentDefinitionNode[];
    this.#fragments = new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
  }

  fragment(name: string): FragmentDefinitionNode | undefined {
    return this.#fragments.get(name);
  }

  of({ selections }: SelectionSetNode): Size {
    return selections
      .map((selection) => {
        if (selection.kind === Kind.INLINE_FRAGMENT) return this.of(selection.selectionSet);
        if (selection.kind === Kind.FRAGMENT_SPREAD) return this.#ofFragment(selection.name.value);
        const inside = selection.selectionSet === undefined ? nothing : this.of(selection.selectionSet);
        const alias = selection.alias === undefined ? 0 : 1;
        return { depth: inside.depth + 1, aliases: inside.aliases + alias, fields: inside.fields + 1 };
      })
      .reduce(together, nothing);
  }

  #ofFragment(name: string): Size {
    const known = this.#known.get(name);
    if (known === 'open') throw new EngineError('REQUEST_INVALID', `the fragment ${name} is inside of itself`);
    if (known !== undefined) return known;
    const fragment = this.#fragments.get(name);
    // Validation says so, with its place.
    if (fragment === undefined) return nothing;
    this.#known.set(name, 'open');
    const size = this.of(fragment.selectionSet);
    this.#known.set(name, size);
    return size;
  }
}

function together(a: Size, b: Size): Size {
  return { depth: Math.max(a.depth, b.depth), aliases: a.aliases + b.aliases, fields: a.fields + b.fields };
}
