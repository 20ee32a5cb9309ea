import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import type { CatalogTable } from '../../../src/lakehouse/catalog/catalog.ts';
import { RestCatalog } from '../../../src/lakehouse/catalog/rest-catalog.ts';
import type { RestLogin } from '../../../src/lakehouse/catalog/rest-session.ts';
import { stringifyLossless } from '../../../src/lakehouse/format/lossless-json.ts';
import { newMetadata } from '../../../src/lakehouse/format/table-metadata.ts';
import { bronzeSchema, bronzeSpec } from '../../../src/lakehouse/layers/bronze/bronze-schema.ts';

const uuid = '00000000-0000-4000-8000-000000000001';
const newTable = { uuid, location: 'file:///t', schema: bronzeSchema, spec: bronzeSpec, properties: {} };
const metadata = newMetadata(newTable, 1_000);
const table = { 'metadata-location': 'file:///t/metadata/0.json', metadata };

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  /** No answer at all: the connection is cut. */
  readonly isCut?: boolean;
}

/** A catalog whose every answer is said beforehand: faults that a real one does not have at will. */
class SaidCatalog {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  config: unknown = { defaults: {}, overrides: {} };
  answer: (asked: Asked) => Answer = () => ({ status: 200, body: table });

  constructor() {
    this.#server = createServer(async (request, response) => {
      const asked = await askedOf(request);
      this.asked.push(asked);
      const { status, body, isCut } = asked.path.startsWith('/v1/config')
        ? { status: 200, body: this.config, isCut: false }
        : this.answer(asked);
      if (isCut) return void request.socket.destroy();
      response.writeHead(status).end(typeof body === 'string' ? body : stringifyLossless(body ?? {}));
    });
  }

  async open(login: RestLogin = { kind: 'none' }, nowMs = () => 0): Promise<CatalogTable> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    const catalog = new RestCatalog({ url, warehouse: 'lake 1', login, ca: null }, nowMs);
    return catalog.table({ namespace: 'a.b', table: 'events' });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function askedOf(request: IncomingMessage): Promise<Asked> {
  const { method = '', url = '', headers } = request;
  return { method, path: url, authorization: headers.authorization, body: await text(request) };
}

let said = new SaidCatalog();
afterEach(() => {
  said.close();
  said = new SaidCatalog();
});

test('prefix and separator of namespaces are the server’s to say, and 63-bit ids stay whole', async () => {
  said.config = { defaults: { prefix: 'not-this' }, overrides: { prefix: 'ws/7', 'namespace-separator': '%2E' } };
  const catalog = await said.open();
  const id = 9096469203608505390n;
  const snapshot = { 'snapshot-id': id, 'sequence-number': 1, 'timestamp-ms': 1, 'manifest-list': 'x', summary: {} };
  said.answer = () => ({ status: 200, body: { ...table, metadata: { ...metadata, snapshots: [snapshot] } } });
  const state = await catalog.load();
  expect(said.asked.map(({ path }) => path)).toEqual([
    '/v1/config?warehouse=lake%201',
    '/v1/ws/7/namespaces/a%2Eb/tables/events',
  ]);
  expect(state?.metadata.snapshots[0]['snapshot-id']).toBe(id);
  await catalog.commit(
    state!,
    [{ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': id }],
    [{ action: 'remove-snapshots', 'snapshot-ids': [id] }],
  );
  expect(said.asked.at(-1)?.body).toContain(`"snapshot-ids":[${id}]`);
  expect(said.asked.at(-1)?.body).toContain(`"snapshot-id":${id}`);
});

test('without a word of the server levels are parted by the unit separator', async () => {
  await (await said.open()).load();
  expect(said.asked.at(-1)?.path).toBe('/v1/namespaces/a%1Fb/tables/events');
});

test('what became of a commit is never guessed: any 5xx and no answer are unknown, HTML or not', async () => {
  const catalog = await said.open();
  const base = (await catalog.load())!;
  const commit = () => catalog.commit(base, [], [{ action: 'set-properties', updates: { a: '1' } }]);
  for (const status of [500, 502, 503, 504, 599]) {
    said.answer = () => ({ status, body: '<html><h1>Oh no</h1></html>' });
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN', message: expect.stringContaining('Oh no') });
  }
  said.answer = () => ({ status: 200, isCut: true });
  await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' });
  said.answer = () => ({
    status: 409,
    body: { error: { message: 'branch main has changed', type: 'CommitFailedException' } },
  });
  await expect(commit()).rejects.toMatchObject({
    code: 'CATALOG_CONFLICT',
    message: expect.stringContaining('has changed'),
  });
  said.answer = () => ({ status: 429, body: 'slow down' });
  await expect(commit()).rejects.toMatchObject({ code: 'CATALOG_CONFLICT' });
  said.answer = () => ({ status: 400, body: { error: { message: 'unknown update' } } });
  await expect(commit()).rejects.toMatchObject({
    code: 'SINK_REJECTED',
    message: expect.stringContaining('unknown update'),
  });
});

test('who makes what another has just made takes it, however the server words that', async () => {
  const catalog = await said.open();
  const made = new Set<string>();
  const answer = (status: number) => ({ status, body: status === 200 ? table : 'constraint failed' });
  said.answer = ({ method, path }) => {
    if (method === 'GET') return answer(made.has(path) ? 200 : 404);
    made.add(path === '/v1/namespaces' ? '/v1/namespaces/a%1Fb' : `${path}/events`);
    return answer(500);
  };
  expect((await catalog.create(newTable)).metadataLocation).toBe('file:///t/metadata/0.json');
  said.answer = ({ method }) => answer(method === 'GET' ? 404 : 500);
  await expect(catalog.create(newTable)).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' });
});

test('questions that change nothing can be asked again: trouble of any kind says so', async () => {
  const catalog = await said.open();
  for (const answer of [
    { status: 503, body: 'later' },
    { status: 200, isCut: true },
    { status: 200, body: '<html>' },
  ]) {
    said.answer = () => answer;
    await expect(catalog.load()).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
  }
  said.answer = () => ({ status: 404, body: { error: { message: 'no such table' } } });
  expect(await catalog.load()).toBeNull();
});

test('tokens are asked for once, kept while they live, and asked for again when the server stops taking one', async () => {
  let now = 0;
  let given = 0;
  let refusesToken = '';
  const catalog = await said.open(
    { kind: 'oauth2', clientId: 'engine', clientSecret: 's3cret&', scope: 'catalog', serverUrl: null },
    () => now,
  );
  said.answer = ({ path, authorization }) => {
    if (path === '/v1/oauth/tokens') return { status: 200, body: { access_token: `t${++given}`, expires_in: 600 } };
    return authorization === `Bearer ${refusesToken}` ? { status: 401, body: 'expired' } : { status: 200, body: table };
  };
  await catalog.load();
  await catalog.load();
  expect(given).toBe(1);
  expect(new URLSearchParams(said.asked[0].body).get('client_secret')).toBe('s3cret&');
  now = 580_000;
  await catalog.load();
  expect(given).toBe(2);
  refusesToken = 't2';
  await catalog.load();
  expect(given).toBe(3);
  said.answer = ({ path }) => (path === '/v1/oauth/tokens' ? { status: 400, body: 'bad s3cret&' } : { status: 401 });
  const error = await catalog.load().catch((caught: Error) => caught);
  expect(error).toMatchObject({ code: 'LAKE_REFUSED', exitCode: 77 });
  expect(String(error)).not.toContain('s3cret');
});

test('a login that lacks the right is another trouble than a server that is away', async () => {
  const catalog = await said.open({ kind: 'token', token: 'old' });
  for (const status of [401, 403]) {
    said.answer = () => ({ status, body: { error: { message: 'no such right' } } });
    await expect(catalog.load()).rejects.toMatchObject({
      code: 'LAKE_REFUSED',
      message: expect.stringContaining('correct iceberg_rest.token'),
    });
  }
});

test('a server that gives columns other ids is refused: nobody could read our files', async () => {
  const catalog = await said.open();
  const fields = bronzeSchema.fields.map((field) => ({ ...field, id: field.id + 100 }));
  said.answer = () => ({
    status: 200,
    body: { ...table, metadata: { ...metadata, schemas: [{ ...bronzeSchema, fields }] } },
  });
  await expect(catalog.create(newTable)).rejects.toMatchObject({
    code: 'SINK_REJECTED',
    message: expect.stringContaining('gave column org_id the id 101, not 1'),
  });
});
