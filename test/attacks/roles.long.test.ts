import { afterAll, beforeAll, expect, test } from 'vitest';
import { permissionsOfRole, type Role } from '../../src/serving/caller.ts';
import { readContract } from '../../src/serving/connect/contract.ts';
import { makeGraphqlSchema } from '../../src/serving/graphql/schema.ts';
import { camel } from '../../src/serving/graphql/types.ts';
import { type OperationName, operationNames, operationOf } from '../../src/serving/operations.ts';
import { namesIn, type Route, routes } from '../../src/serving/rest/routes.ts';
import { inputMembers, type Member, outputShape } from '../../src/serving/shapes.ts';
import { writeSecrets } from '../serving/secrets.ts';
import { openShop, type Shop } from '../serving/shop.ts';

// Inside of its own organization a role may what its permissions say, on every door, and no more. The table is that of
// the operations, so one that is added stands in it.
let shop: Shop;
const contract = readContract();
const roles: readonly Role[] = ['viewer', 'editor', 'admin'];
const names = operationNames.filter((name) => operationOf(name).scope === 'organization');

beforeAll(async () => {
  shop = await openShop();
  await writeSecrets(shop, ['acme']);
});
afterAll(() => shop.close());

/** A value of the right kind for a member, so that what is refused is refused for the caller alone. */
function sampleOf({ shape: { kind } }: Member): unknown {
  return kind === 'integer' || kind === 'long' ? 0 : kind === 'boolean' ? false : 'x';
}

/** The code with which a door refuses a call; null = it let it in, whatever became of it there. */
type Ask = (name: OperationName, token: string) => Promise<string | null>;

const refusing = (code: unknown): string | null =>
  ['UNAUTHENTICATED', 'FORBIDDEN'].includes(String(code)) ? String(code) : null;

const rest: Ask = async (name, token) => {
  const { path, method }: Route = routes[name];
  const members = new Map(inputMembers(name, operationOf(name)).map((member) => [member.name, member]));
  const filled = namesIn(path).reduce((text, member) => {
    const known = members.get(member);
    return text.replace(`{${member}}`, known === undefined ? 'acme' : String(sampleOf(known)));
  }, path);
  const response = await fetch(`${shop.server.url}/api/v1${filled.replace('/api/v1', '')}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(method === 'GET' ? {} : { 'if-match': '"1"' }),
      ...(['GET', 'DELETE'].includes(method) ? {} : { 'content-type': 'application/json' }),
    },
    ...(['GET', 'DELETE'].includes(method) ? {} : { body: JSON.stringify(bodyOf(name, namesIn(path))) }),
  });
  const text = await response.text();
  return text === '' ? null : refusing((JSON.parse(text) as { code?: string }).code);
};

/** Members of the body, where those of the path stand in the path. */
function bodyOf(name: OperationName, inPath: readonly string[] = []): Record<string, unknown> {
  const members = inputMembers(name, operationOf(name)).filter(
    ({ name: member, isOptional, shape: { kind } }) =>
      !isOptional && !inPath.includes(member) && member !== 'expected_version' && kind !== 'object',
  );
  return Object.fromEntries(
    members.map((member) => [member.name, member.shape.kind === 'list' ? [] : sampleOf(member)]),
  );
}

const methodOf = new Map(
  contract.services
    .flatMap(({ methods }) => methods)
    .flatMap((method) => {
      const { name, isWatched } = contract.operationOf(method);
      return isWatched ? [] : [[name, `${method.parent.typeName}/${method.name}`] as const];
    }),
);

const connect: Ask = async (name, token) => {
  const response = await fetch(`${shop.server.url}/${methodOf.get(name)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ organization: 'acme' }),
  });
  await response.arrayBuffer();
  return response.status === 401 ? 'UNAUTHENTICATED' : response.status === 403 ? 'FORBIDDEN' : null;
};

const fieldOf = new Map([...makeGraphqlSchema().operationOfField].map(([field, name]) => [name, field]));

const graphql: Ask = async (name, token) => {
  const described = operationOf(name);
  const args = inputMembers(name, described)
    .filter(({ isOptional }) => !isOptional)
    .map((member) => `${camel(member.name)}: ${JSON.stringify(sampleOf(member))}`);
  const shown = outputShape(name, described) === null ? '' : '{ asOf }';
  const field = `${fieldOf.get(name)}(${['organization: "acme"', ...args].join(', ')}) ${shown}`;
  const { body } = await shop.graphql({ query: `${described.isWrite ? 'mutation' : 'query'} { ${field} }` }, { token });
  const [error] = body.errors ?? [];
  // A request that never began says nothing about its caller.
  if (error !== undefined && error.path === undefined) throw new Error(`${name}: ${error.message}`);
  return refusing(error?.extensions.code);
};

const doors: readonly (readonly [door: string, ask: Ask, offered: readonly OperationName[]])[] = [
  ['REST', rest, names],
  ['Connect', connect, names],
  ['GraphQL', graphql, names.filter((name) => fieldOf.has(name))],
];

test.each(doors)(
  '%s lets each role do what it may, and nothing else',
  async (_, ask, offered) => {
    let refused = 0;
    for (const name of offered)
      for (const role of roles) {
        const { permission } = operationOf(name);
        const may = permission === null || permissionsOfRole[role].includes(permission);
        expect([name, role, await ask(name, `${role}~acme`)]).toEqual([name, role, may ? null : 'FORBIDDEN']);
        if (!may) refused += 1;
      }
    // Viewers may write nothing, at the least.
    expect(refused).toBeGreaterThanOrEqual(offered.filter((name) => operationOf(name).isWrite).length);
    expect(offered.length).toBeGreaterThan(30);
  },
  120_000,
);

test('what no door offers is no operation: every one of an organization has its route and its procedure', () => {
  for (const name of names) expect([name, name in routes, methodOf.has(name)]).toEqual([name, true, true]);
});
