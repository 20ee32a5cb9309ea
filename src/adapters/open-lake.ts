import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../control/system-clock.ts';
import type { RenamingCatalog, TableState } from '../lakehouse/catalog/catalog.ts';
import type { CatalogPointer } from '../lakehouse/catalog/catalog-pointer.ts';
import { RestCatalog } from '../lakehouse/catalog/rest-catalog.ts';
import type { RestEndpoint, RestLogin } from '../lakehouse/catalog/rest-session.ts';
import { SqlCatalog } from '../lakehouse/catalog/sql-catalog.ts';
import { SqlitePointer } from '../lakehouse/catalog/sqlite-pointer.ts';
import type { FileIO } from '../lakehouse/storage/file-io.ts';
import { randomIds } from '../lakehouse/storage/id-source.ts';
import { EngineError } from '../model/errors.ts';
import { bronzeTableName, completePostgresCatalog, hasPostgresCatalog, openPostgresCatalog } from './bronze-catalog.ts';
import { isS3, openStorage } from './open-storage.ts';
import { readPem } from './pem.ts';
import type { Config } from './settings.ts';

/** The lake that a configuration names, opened: where its table of bronze is named, and where its files lie. */
export interface Lake {
  readonly catalog: RenamingCatalog;
  readonly io: FileIO;
  /** Where the bronze table is made when there is none. */
  readonly bronzeLocation: string;
  close(): Promise<void>;
}

export async function openLake(config: Config): Promise<Lake> {
  const storage = openStorage(warehouseOf(config), config);
  const nowMs = (): number => systemClock.wallMs();
  try {
    const catalog =
      config.bronze.catalog === 'rest'
        ? openRestCatalog(config)
        : new SqlCatalog({ pointer: await openPointer(config), io: storage.io, ids: randomIds, nowMs });
    const close = async (): Promise<void> => {
      await catalog.close();
      storage.close();
    };
    return { catalog, io: storage.io, bronzeLocation: `${storage.root}/bronze/events`, close };
  } catch (error) {
    storage.close();
    throw error;
  }
}

/**
 * Lends the lake, and the table of bronze as it is, to somebody who looks at it or after it; closed whatever
 * comes of it. Throws CONFIG_INVALID where there is none.
 */
export async function withLake<T>(config: Config, work: (lake: Lake, bronze: TableState) => Promise<T>): Promise<T> {
  const path = catalogPath(config);
  if (config.bronze.catalog === 'sqlite' && !existsSync(path)) throw noLake(`there is no ${path}`);
  const lake = await openLake(config);
  try {
    const bronze = await lake.catalog.load();
    if (bronze === null) throw noLake('its catalog names no table');
    return await work(lake, bronze);
  } finally {
    await lake.close();
  }
}

function noLake(why: string): EngineError {
  return new EngineError('CONFIG_INVALID', `there is no bronze table here yet (${why}); run the engine on it first`);
}

/** Opens nothing yet: the first question does. Throws CONFIG_INVALID. */
export function openRestCatalog(config: Pick<Config, 'iceberg_rest'>): RenamingCatalog {
  return new RestCatalog(restEndpoint(config), bronzeTableName, () => systemClock.wallMs());
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

function warehouseOf({ bronze, data_directory }: Config): string {
  return bronze.warehouse ?? join(data_directory, 'lake');
}

/** Beside a warehouse that others share lies the file that they share too. */
function catalogPath({ bronze, data_directory }: Config): string {
  const { warehouse } = bronze;
  return join(warehouse === null || isS3(warehouse) ? data_directory : warehouse, 'catalog.sqlite');
}

async function openPointer(config: Config): Promise<CatalogPointer> {
  if (!hasPostgresCatalog(config)) return new SqlitePointer(catalogPath(config), bronzeTableName);
  const pointer = await openPostgresCatalog(config);
  await completePostgresCatalog(pointer, config);
  return pointer;
}
