import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../control/system-clock.ts';
import { type Catalog, fullName, type TableName, type TableState } from '../../lakehouse/catalog/catalog.ts';
import { CatalogRows } from '../../lakehouse/catalog/catalog-rows.ts';
import { RestCatalog } from '../../lakehouse/catalog/rest-catalog.ts';
import type { RestEndpoint, RestLogin } from '../../lakehouse/catalog/rest-session.ts';
import { SqlCatalog } from '../../lakehouse/catalog/sql-catalog.ts';
import { SqliteRows } from '../../lakehouse/catalog/sqlite-rows.ts';
import type { FileIO } from '../../lakehouse/storage/file-io.ts';
import { randomIds } from '../../lakehouse/storage/id-source.ts';
import { localPath, localUri } from '../../lakehouse/storage/local-file-io.ts';
import { EngineError } from '../../model/errors.ts';
import { readPem } from '../servers/pem.ts';
import type { Config } from '../settings.ts';
import { catalogName, completePostgresCatalog, hasPostgresCatalog, openPostgresCatalog } from './bronze-catalog.ts';
import { isS3, openStorage } from './open-storage.ts';

/** The lake that a configuration names, opened: where its tables are named, and where their files lie. */
export interface Lake {
  readonly catalog: Catalog;
  readonly io: FileIO;
  /** URI of the place of all tables, without a slash at its end. */
  readonly root: string;
  close(): Promise<void>;
}

export async function openLake(config: Config): Promise<Lake> {
  const storage = await openStorage(warehouseOf(config), config);
  const nowMs = (): number => systemClock.wallMs();
  try {
    const catalog =
      config.bronze.catalog === 'rest'
        ? openRestCatalog(config)
        : new SqlCatalog({ rows: await openRows(config), io: storage.io, ids: randomIds, nowMs });
    const close = async (): Promise<void> => {
      await catalog.close();
      storage.close();
    };
    return { catalog, io: storage.io, root: storage.root, close };
  } catch (error) {
    storage.close();
    throw error;
  }
}

/** A table of the lake as it is. */
export interface LakeTable {
  readonly name: TableName;
  readonly state: TableState;
}

/**
 * Lends the lake to somebody who looks at it or after it; closed whatever comes of it. Throws CONFIG_INVALID
 * where there is none.
 */
export async function withLake<T>(config: Config, work: (lake: Lake) => Promise<T>): Promise<T> {
  if (!hasLake(config)) throw noLake(`there is no ${catalogPath(config)}`);
  const lake = await openLake(config);
  try {
    return await work(lake);
  } finally {
    await lake.close();
  }
}

/** All tables of the lake, by name. Throws CONFIG_INVALID where there is none. */
export async function tablesOf({ catalog }: Lake): Promise<LakeTable[]> {
  const tables: LakeTable[] = [];
  for (const namespace of await catalog.namespaces()) {
    for (const name of await catalog.tables(namespace)) {
      const state = await catalog.table(name).load();
      if (state !== null) tables.push({ name, state });
    }
  }
  if (tables.length === 0) throw noLake('its catalog names no table');
  return tables;
}

/** The table that a person names as `namespace.table`. Throws CONFIG_INVALID where there is none. */
export async function tableOf(lake: Lake, full: string): Promise<LakeTable> {
  const dot = full.lastIndexOf('.');
  const name: TableName = { namespace: full.slice(0, Math.max(0, dot)), table: full.slice(dot + 1) };
  const state = dot <= 0 || name.table === '' ? null : await lake.catalog.table(name).load();
  if (state !== null) return { name, state };
  const there = (await tablesOf(lake)).map((one) => fullName(one.name));
  throw new EngineError('CONFIG_INVALID', `the lake has no table ${full}; it has ${there.join(', ')}`);
}

function noLake(why: string): EngineError {
  return new EngineError('CONFIG_INVALID', `there is no table here yet (${why}); run the engine on it first`);
}

/** Opens nothing yet: the first question does. Throws CONFIG_INVALID. */
export function openRestCatalog(config: Pick<Config, 'iceberg_rest'>): Catalog {
  return new RestCatalog(restEndpoint(config), () => systemClock.wallMs());
}

/** Throws CONFIG_INVALID where settings are missing or exclude each other. */
function restEndpoint({ iceberg_rest: rest }: Pick<Config, 'iceberg_rest'>): RestEndpoint {
  const { url, warehouse, token, client_id: clientId, client_secret: clientSecret, scope, oauth_url } = rest;
  const wrong = (text: string) => new EngineError('CONFIG_INVALID', text);
  if (url === null) throw wrong('bronze.catalog is rest, but iceberg_rest.url names no catalog');
  if ((clientId === null) !== (clientSecret === null))
    throw wrong('iceberg_rest.client_id and iceberg_rest.client_secret go together: set both or neither');
  if (token !== null && clientId !== null)
    throw wrong(
      'iceberg_rest.token and iceberg_rest.client_id exclude each other: a token is taken as it is, or asked for',
    );
  const login: RestLogin =
    clientId !== null && clientSecret !== null
      ? { kind: 'oauth2', clientId, clientSecret, scope, serverUrl: oauth_url }
      : token === null
        ? { kind: 'none' }
        : { kind: 'token', token };
  const ca = rest.ca_file === null ? null : readPem(rest.ca_file, 'iceberg_rest.ca_file');
  return { url, warehouse, login, ca };
}

function warehouseOf({ bronze, data_directory }: Pick<Config, 'bronze' | 'data_directory'>): string {
  return bronze.warehouse ?? join(data_directory, 'lake');
}

/** The folder of this machine that holds the lake; null where that is an object store. */
export function lakeFolder(config: Pick<Config, 'bronze' | 'data_directory'>): string | null {
  const warehouse = warehouseOf(config);
  return isS3(warehouse) ? null : localPath(localUri(warehouse));
}

/** Whether there is a lake at all: a catalog beside the data is made with its first table. */
export function hasLake(config: Pick<Config, 'bronze' | 'data_directory'>): boolean {
  return config.bronze.catalog !== 'sqlite' || existsSync(catalogPath(config));
}

/** Beside a warehouse that others share lies the file that they share too. */
function catalogPath({ bronze, data_directory }: Pick<Config, 'bronze' | 'data_directory'>): string {
  const { warehouse } = bronze;
  return join(warehouse === null || isS3(warehouse) ? data_directory : warehouse, 'catalog.sqlite');
}

async function openRows(config: Config): Promise<CatalogRows> {
  if (!hasPostgresCatalog(config)) return new CatalogRows(new SqliteRows(catalogPath(config)), catalogName);
  const rows = await openPostgresCatalog(config);
  await completePostgresCatalog(rows, config);
  return new CatalogRows(rows, catalogName);
}
