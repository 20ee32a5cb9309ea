import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '../../control/system-clock.ts';
import { EventObjects } from '../../decoders/event-objects.ts';
import { EmbeddedRegistry } from '../../decoders/event-schemas.ts';
import type { TableState } from '../../lakehouse/catalog/catalog.ts';
import { SqlEngine } from '../../lakehouse/engine/sql-engine.ts';
import { icebergEngine, icebergTable, type StoreAccess } from '../../lakehouse/engine/sql-places.ts';
import { localPath } from '../../lakehouse/storage/local-file-io.ts';
import { openRegistry } from '../log/schema-registry.ts';
import type { Config } from '../settings.ts';

/** ClickHouse's engine with what it needs to build tables of the lake: a folder, schemas, and the store. */
export interface LayerTools extends AsyncDisposable {
  readonly engine: SqlEngine;
  readonly folder: string;
  readonly objects: EventObjects;
  /** Where the engine finds released schemas by their ids. */
  readonly registryUrl: string;
  sqlOf(state: TableState): string;
}

/** With slices of a million rows it takes 0.8 GB; what is more is a mistake, and ends the statement. */
const memoryBytesMax = 1_300_000_000;

export async function openLayerTools(config: Config): Promise<LayerTools> {
  await using stack = new AsyncDisposableStack();
  const folder = makeWorkFolder(join(config.data_directory, 'work'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const objects = new EventObjects(openRegistry(config, systemClock) ?? new EmbeddedRegistry());
  const server = await serveSchemas(objects);
  stack.defer(() => closeServer(server));
  const secret = config.s3.secret_access_key;
  const options = { directory: join(folder, 'engine'), memoryBytesMax, secrets: secret === null ? [] : [secret] };
  const engine = stack.use(await SqlEngine.start(options));
  const opened = stack.move();
  return {
    engine,
    folder,
    objects,
    registryUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sqlOf: (state) => sqlOfTable(state, config),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What ClickHouse reads a table of the lake by, in the snapshot that its metadata names. */
export function sqlOfTable(
  { metadataLocation, metadata }: TableState,
  config: Pick<Config, 's3'>,
  snapshotId: bigint | null = null,
): string {
  const at = { location: metadata.location, metadataLocation, snapshotId };
  return icebergTable(at, { ...storeAccess(config), collection: null }, localPath);
}

/** The same as the engine of a table of ClickHouse's own. */
export function engineOfTable(
  { metadataLocation, metadata }: TableState,
  config: Pick<Config, 's3' | 'tiers'>,
): string {
  const at = { location: metadata.location, metadataLocation, snapshotId: null };
  return icebergEngine(at, { ...storeAccess(config), collection: config.tiers.views_collection }, localPath);
}

/** Words of ClickHouse without the key of the store, which they may quote. */
export function hideSecret(text: string, { s3 }: Pick<Config, 's3'>): string {
  return s3.secret_access_key === null ? text : text.replaceAll(s3.secret_access_key, '***');
}

function storeAccess({ s3 }: Pick<Config, 's3'>): Omit<StoreAccess, 'collection'> {
  const { endpoint, region, access_key_id: id, secret_access_key: secret } = s3;
  const address = endpoint ?? `https://s3.${region}.amazonaws.com`;
  return { endpoint: address.replace(/\/+$/, ''), key: id === null || secret === null ? null : { id, secret } };
}

/** A folder of this process for what is between; those of processes that are gone are thrown away. */
export function makeWorkFolder(parent: string): string {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(parent)) {
    const pid = Number(/^layers-(\d+)$/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const folder = join(parent, `layers-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A registry as ClickHouse asks one, on loopback, with the schemas that are ours and no others. */
async function serveSchemas(objects: EventObjects): Promise<Server> {
  const server = createServer((request, response) => {
    const id = /^\/schemas\/ids\/(\d+)/.exec(request.url ?? '')?.[1];
    const found = id === undefined ? Promise.resolve(null) : objects.releasedJson(null, Number(id));
    found.then(
      (json) => {
        response.writeHead(json === null ? 404 : 200, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
        response.end(JSON.stringify(json === null ? { error_code: 40_403 } : { schema: JSON.stringify(json) }));
      },
      (error: unknown) => response.writeHead(503).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return server;
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
