import { type DescMethod, toJson } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { readContract } from '../../../src/serving/connect/contract.ts';
import { type OperationName, operationNames, operationOf } from '../../../src/serving/operations.ts';
import { namesIn, routes } from '../../../src/serving/rest/routes.ts';
import { markOf } from './stage.ts';

/** An answer in the words that all doors share. */
export interface Told {
  readonly kind: 'right' | 'refused' | 'unavailable' | 'wrong';
  /** Status or code, for whoever reads of it. */
  readonly status: string;
  /** All that came back. */
  readonly text: string;
}

/** Something to ask of one organization, at one door. */
export interface Question {
  readonly name: string;
  readonly operation: OperationName;
  /** Follows from the tables alone, so it is the same each time. */
  readonly isSteady: boolean;
  ask(server: string, org: string, headers: Readonly<Record<string, string>>): Promise<Told>;
}

const byStatus = (status: number): Told['kind'] => {
  if (status === 200 || status === 204 || status === 304) return 'right';
  if (status === 429 || status === 503 || status === 504) return 'unavailable';
  return status === 401 || status === 403 ? 'refused' : 'wrong';
};

export async function call(
  url: string,
  headers: Readonly<Record<string, string>>,
  options: { method?: string; body?: unknown } = {},
): Promise<Told & { readonly etag: string | null }> {
  const { method = 'GET', body } = options;
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  const kind = response.status === 201 ? 'right' : byStatus(response.status);
  return { kind, status: String(response.status), text, etag: response.headers.get('etag') };
}

const contract = readContract();
const methodOf = new Map<string, DescMethod>(
  contract.services
    .flatMap(({ methods }) => methods)
    .filter((method) => !contract.operationOf(method).isWatched)
    .map((method) => [contract.operationOf(method).name, method]),
);

/** Explanations are of the present moment, and lists of what changes in the run are not the same each time. */
const moving = new Set<OperationName>(['explainAlert', 'explainSilence', 'explainCampaign']);
const asked = operationNames.filter((name) => {
  const { scope, isWrite } = operationOf(name);
  const names = namesIn(routes[name].path);
  const isKnown = !names.some((member) =>
    ['user_id', 'session_id', 'invitation_id', 'key_id', 'name'].includes(member),
  );
  return scope === 'organization' && !isWrite && !moving.has(name) && isKnown && name !== 'getRule';
});

function wordOf(member: string, org: string): string {
  if (member === 'organization') return org;
  return member === 'partition' || member === 'log_offset' ? '0' : markOf(org);
}

function pathOf(name: OperationName, org: string): string {
  const { path } = routes[name];
  return namesIn(path).reduce<string>((filled, member) => filled.replace(`{${member}}`, wordOf(member, org)), path);
}

function rest(operation: OperationName, accept: string): Question {
  const { isOfTables, output } = operationOf(operation);
  return {
    ...{ name: `rest ${accept.split('/')[1]} ${operation}`, operation, isSteady: isOfTables && output !== undefined },
    ask: (server, org, headers) => call(`${server}/api/v1${pathOf(operation, org)}`, { ...headers, accept }),
  };
}

function inputOf(operation: OperationName, org: string): Record<string, string | number> {
  const method = methodOf.get(operation)!;
  return Object.fromEntries(
    namesIn(routes[operation].path).map((member) => {
      const word = wordOf(member, org);
      return [
        method.input.fields.find(({ name }) => name === member)!.localName,
        /^\d+$/.test(word) ? Number(word) : word,
      ];
    }),
  );
}

function connect(operation: OperationName): Question {
  const method = methodOf.get(operation)!;
  return {
    ...{ name: `connect ${operation}`, operation, isSteady: operationOf(operation).isOfTables },
    ask: (server, org, headers) =>
      call(`${server}/${method.parent.typeName}/${method.name}`, headers, {
        ...{ method: 'POST', body: inputOf(operation, org) },
      }),
  };
}

const transports = new Map<string, Transport>();

function grpc(operation: OperationName): Question {
  const method = methodOf.get(operation)!;
  return {
    ...{ name: `grpc ${operation}`, operation, isSteady: operationOf(operation).isOfTables },
    async ask(server, org, headers) {
      const transport = transports.get(server) ?? createGrpcTransport({ baseUrl: server });
      transports.set(server, transport);
      // biome-ignore lint/suspicious/noExplicitAny: the contract is read at run time.
      const client = createClient(method.parent, transport) as any;
      const input: Record<string, unknown> = inputOf(operation, org);
      if (typeof input.logOffset === 'number') input.logOffset = BigInt(input.logOffset);
      try {
        const answer = await client[method.localName](input, { headers, timeoutMs: 30_000 });
        return { kind: 'right', status: 'OK', text: JSON.stringify(toJson(method.output, answer, jsonOptions)) };
      } catch (error) {
        const { code, rawMessage } = ConnectError.from(error);
        return { kind: kindOf(code), status: Code[code], text: rawMessage };
      }
    },
  };
}

const jsonOptions = { registry: contract.registry };

function kindOf(code: Code): Told['kind'] {
  if ([Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted].includes(code)) return 'unavailable';
  return code === Code.Unauthenticated || code === Code.PermissionDenied ? 'refused' : 'wrong';
}

function graphql(operation: OperationName, field: string, members: string): Question {
  const query = `query ($org: String!) { ${field}(organization: $org) { data { ${members} } dataVersion asOf } }`;
  return {
    ...{ name: `graphql ${operation}`, operation, isSteady: true },
    async ask(server, org, headers) {
      const body = { query: query.replace('String!', 'ID!'), variables: { org } };
      const told = await call(`${server}/graphql`, headers, { method: 'POST', body });
      if (told.status !== '200') return told;
      const codes = [...told.text.matchAll(/"code":"([A-Z_]+)"/g)].map(([, code]) => code);
      if (codes.length === 0) return told;
      const isAway = codes.every((code) => /UNAVAILABLE|OVERLOADED|TIMEOUT|RATE_LIMITED/.test(code));
      const isRefused = codes.every((code) => code === 'FORBIDDEN' || code === 'UNAUTHENTICATED');
      return { kind: isAway ? 'unavailable' : isRefused ? 'refused' : 'wrong', status: codes.join(), text: told.text };
    },
  };
}

export const questions: readonly Question[] = [
  ...asked.map((operation) => rest(operation, 'application/json')),
  ...(['listFlights', 'listAlerts', 'listCampaigns'] as const).map((operation) => rest(operation, 'text/csv')),
  ...asked.map(connect),
  ...asked.map(grpc),
  graphql('listFlights', 'flights', 'campaignId flightId status budgetMicros'),
  graphql('listAlerts', 'alerts', 'alertId ruleId fingerprint'),
];
