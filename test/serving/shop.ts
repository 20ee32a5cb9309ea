import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClickHouseTables } from '../../src/adapters/serving/clickhouse-tables.ts';
import { SealedCursors } from '../../src/adapters/serving/sealed-cursors.ts';
import { askClickHouse, type QueryAnswer } from '../../src/control/query-client.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { startEmbeddedClickHouse } from '../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import { EngineError } from '../../src/model/errors.ts';
import { RowWriter } from '../../src/rows/row-binary.ts';
import { type Row, type Table, tables, tenantTables } from '../../src/rows/tables.ts';
import type { Admission, Authenticator, Credentials } from '../../src/serving/access/authenticate.ts';
import type { QueryCache } from '../../src/serving/cache/query-cache.ts';
import { type Caller, permissionsOfRole, type Role } from '../../src/serving/caller.ts';
import { ConnectDoor } from '../../src/serving/connect/connect-door.ts';
import { type GraphqlSettings, graphqlSection } from '../../src/serving/graphql/config.ts';
import { type Documents, SentDocuments } from '../../src/serving/graphql/documents.ts';
import { GraphqlDoor } from '../../src/serving/graphql/graphql-door.ts';
import type { CallFacts, Door } from '../../src/serving/http/door.ts';
import type { TlsFiles } from '../../src/serving/http/listener.ts';
import { type CallEnd, type ServingServer, startServingServer } from '../../src/serving/http/serving-server.ts';
import type { RateLimiter } from '../../src/serving/limits/rate-limiter.ts';
import type { Past, RuleStore } from '../../src/serving/ports.ts';
import { openApiDocument } from '../../src/serving/rest/openapi.ts';
import { RestDoor } from '../../src/serving/rest/rest-door.ts';
import { Service } from '../../src/serving/service.ts';
import { createClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts';
import { makeSmallDesk, type SmallDesk } from './access/small-desk.ts';
import { openSmallLog, type SmallLog } from './small-log.ts';

/** No records, for who asks none. */
export const noPast: Past = {
  topic: 'ads.events.v1',
  whyNoRecords: 'a test',
  records: async () => [],
  planNow: async () => null,
  organizationsOfRule: async () => null,
};

/** The wall clock of the shop: rows of its tables are from the hours before. */
export const nowMs = Date.UTC(2026, 2, 10, 12);

/** The body of an answer is what its test says it is. */
// biome-ignore lint/suspicious/noExplicitAny: every expectation says what it wants.
type GraphqlBody = any;

export interface Shop {
  readonly server: ServingServer;
  readonly calls: (CallFacts & CallEnd)[];
  readonly troubles: unknown[];
  readonly tables: ClickHouseTables;
  /** Tokens that are good for nothing any more. */
  readonly revoked: Set<string>;
  readonly desk: SmallDesk;
  readonly events: SmallLog;
  /** Runs a statement as the engine, which may change tables. */
  change(sql: string): Promise<QueryAnswer>;
  /** Writes rows as the sink of an engine does. */
  write(table: Table, rows: readonly Row[]): Promise<void>;
  /** A request of GraphQL, and the status and body of its answer. */
  graphql(
    request: object,
    options?: { token?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; body: GraphqlBody; headers: Headers }>;
  get(path: string, options?: { token?: string; headers?: Record<string, string>; method?: string }): Promise<Response>;
  close(): Promise<void>;
}

const members: Readonly<Record<string, Role>> = { viewer: 'viewer', editor: 'editor', admin: 'admin' };

/** Tokens are `role@organization`, or `operator`: members of one organization, and of no other. */
const authenticatorOf = (revoked: ReadonlySet<string>): Authenticator => ({
  authenticate({ bearer }: Credentials, { orgId, requestId }: Admission): Promise<Caller> {
    if (revoked.has(bearer ?? '')) return Promise.reject(new EngineError('UNAUTHENTICATED', 'the session ended'));
    if (bearer === 'operator') return Promise.resolve(callerOf('operator', orgId, requestId));
    const [role, organization] = (bearer ?? '').split('~');
    if (members[role] === undefined) return Promise.reject(new EngineError('UNAUTHENTICATED', 'nobody is logged in'));
    if (orgId === null) return Promise.resolve({ ...callerOf('viewer', orgId, requestId), permissions: new Set() });
    if (orgId !== organization) return Promise.reject(new EngineError('FORBIDDEN', 'the caller is no member of it'));
    return Promise.resolve(callerOf(members[role], orgId, requestId));
  },
});

function callerOf(role: Role, orgId: string | null, requestId: string): Caller {
  const permissions = new Set(permissionsOfRole[role]);
  return { actor: { kind: 'user', id: role }, orgId, role, permissions, requestId };
}

const unlimited: RateLimiter = {
  take: () => Promise.resolve({ isAllowed: true, limit: 100, remaining: 99, resetMs: 10, retryAfterMs: 0 }),
};

/** The doors over an embedded ClickHouse with tables of ours and nothing in them. */
export async function openShop(
  options: {
    limiter?: RateLimiter;
    queriesMax?: number;
    waitingMax?: number;
    graphql?: Partial<GraphqlSettings>;
    documents?: Documents;
    rules?: RuleStore;
    cache?: QueryCache;
    /** As served to people; answers are then not held against what they promise. */
    freshnessMs?: number;
    tls?: () => TlsFiles;
    /** Beside those that every shop has. */
    doors?: readonly Door[];
  } = {},
): Promise<Shop> {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-shop-'));
  const clickhouse = await startEmbeddedClickHouse({
    dir: join(directory, 'db'),
    port: 0,
    clock: systemClock,
    tenantTables,
  });
  const sink = createClickHouseSink({
    url: clickhouse.url,
    password: clickhouse.writeToken,
    buckets: 1,
    clock: systemClock,
  });
  await sink.migrate();
  const { queriesMax = 4, waitingMax = 64 } = options;
  const shown = new ClickHouseTables({
    endpoint: { url: clickhouse.url, headers: { 'x-clickhouse-key': clickhouse.readToken } },
    ...{ database: 'ads', isEmbedded: true, cluster: null, clock: systemClock },
    hotDaysOf: () => 90,
    ...{ queriesMax, waitingMax, timeoutMs: 20_000, freshnessMs: options.freshnessMs ?? 10 },
    onTrouble: (error) => {
      throw error;
    },
  });
  const events = await openSmallLog(join(directory, 'events'), () => nowMs);
  const desk = await makeSmallDesk(['acme', 'globex'], () => nowMs);
  const calls: (CallFacts & CallEnd)[] = [];
  const troubles: unknown[] = [];
  const revoked = new Set<string>();
  const service = new Service({
    ports: {
      tables: shown,
      rules: options.rules ?? fewRules,
      access: desk,
      engine: null,
      past: noPast,
      log: events.log,
      newId: randomUUID,
      cursors: new SealedCursors(Buffer.from('a key of a test')),
      now: () => nowMs,
    },
    ...{
      authenticator: authenticatorOf(revoked),
      limiter: options.limiter ?? unlimited,
      checksOutput: options.freshnessMs === undefined,
    },
    cache: options.cache ?? { get: (_key, compute) => compute() },
  });
  let requests = 0;
  const server = await startServingServer({
    ...{ host: '127.0.0.1', port: 0, hosts: [], tls: options.tls ?? null, connectionsMax: 256, now: () => nowMs },
    doors: [
      ...(options.doors ?? []),
      new RestDoor(service, JSON.stringify(openApiDocument('test'))),
      new ConnectDoor({ service, onTrouble: (error) => void troubles.push(error) }),
      new GraphqlDoor({
        service,
        settings: graphqlSection.parse(options.graphql ?? {}),
        documents: options.documents ?? new SentDocuments(),
        onTrouble: (error) => void troubles.push(error),
      }),
    ],
    newRequestId: () => `request-${++requests}`,
    onCall: (call) => void calls.push(call),
    onTrouble: (error) => void troubles.push(error),
  });
  return {
    ...{ server, calls, troubles, tables: shown, revoked, desk, events },
    change: (sql) =>
      askClickHouse({ url: clickhouse.url, headers: { 'x-clickhouse-key': clickhouse.writeToken } }, sql),
    async write(table, rows) {
      const writer = new RowWriter(table);
      for (const row of rows) writer.write(row);
      const taken = writer.take();
      await sink.deliver([
        { lane: 'a', seq: 1, streams: [{ stream: table.name, rows: taken.rows, bytes: taken.bytes }] },
      ]);
    },
    get: (path, { token = 'operator', headers = {}, method = 'GET' } = {}) =>
      fetch(`${server.url}/api/v1${path}`, {
        method,
        headers: { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...headers },
      }),
    async graphql(request, { token = 'operator', headers = {} } = {}) {
      const response = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: JSON.stringify(request),
      });
      return { status: response.status, body: (await response.json()) as GraphqlBody, headers: response.headers };
    },
    async close() {
      await server.close();
      await events.close();
      shown[Symbol.dispose]();
      await sink.close();
      await clickhouse.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const fewRules = {
  rulesOf: (orgId: string) =>
    Promise.resolve([
      { ruleId: `${orgId}-secret`, text: `id: ${orgId}-secret`, isOwn: true, isFile: false, version: '7' },
      { ruleId: 'under-pacing', text: `# of ${orgId}\nid: under-pacing`, isOwn: false, isFile: true, version: '1' },
    ]),
  writeRule: () => Promise.reject(new EngineError('EDIT_REFUSED', 'kept in files')),
  deleteRule: () => Promise.reject(new EngineError('EDIT_REFUSED', 'kept in files')),
};

/** A row with everything that the table needs; what is not said is empty, zero or null. */
export function rowOf(table: Table, said: Readonly<Record<string, unknown>>): Row {
  const plain = table.columns.map(({ name, type }) => {
    if (Object.hasOwn(said, name)) return [name, said[name]];
    if (type.startsWith('Nullable')) return [name, null];
    return [name, type.includes('String') ? '' : type === 'Int64' || type === 'UInt64' ? 0n : 0];
  });
  return Object.fromEntries(plain) as Row;
}

export const tableNamed = (name: string): Table => tables.find((table) => table.name === name)!;
