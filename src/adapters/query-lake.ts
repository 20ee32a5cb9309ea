import { chdir } from 'node:process';
import type { TableState } from '../lakehouse/catalog/catalog.ts';
import { ancestry, type Snapshot } from '../lakehouse/format/table-metadata.ts';
import { localPath } from '../lakehouse/storage/local-file-io.ts';
import { EngineError } from '../model/errors.ts';
import { withLake } from './open-lake.ts';
import { isS3 } from './open-storage.ts';
import type { Config } from './settings.ts';

export interface LakeQuery {
  readonly sql: string;
  /** As the table was at this instant, ms; null = now. */
  readonly atMs: number | null;
}

/** What a query found; `rows` null where its own FORMAT made the text. */
export interface LakeAnswer {
  readonly text: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[] | null;
}

/**
 * Asks the lake one query, by ClickHouse's own engine in this process; the table is called `bronze`. The
 * metadata is the one that the catalog names: files of a commit that was never made are not looked at. Throws
 * QUERY_FAILED with ClickHouse's words, and CONFIG_INVALID where there is no table.
 */
export async function queryLake(config: Config, { sql, atMs }: LakeQuery): Promise<LakeAnswer> {
  const table = await withLake(config, async (_, bronze) => tableFunction(bronze, config, snapshotAt(bronze, atMs)));
  const { Session } = await import('chdb');
  const session = new Session();
  try {
    session.query(`CREATE VIEW bronze AS SELECT * FROM ${table}`);
    return answerOf(session.query(sql, 'JSONCompact'));
  } catch (cause) {
    // Not the cause itself: its words, and those of its own causes, may quote the key of the store.
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('QUERY_FAILED', hideSecret(words.trim(), config));
  } finally {
    session.cleanup();
  }
}

/** The newest snapshot of `main`'s past that was there at the instant; null = the newest of all. */
function snapshotAt({ metadata }: TableState, atMs: number | null): Snapshot | null {
  if (atMs === null) return null;
  const past = [...ancestry(metadata)];
  const found = past.find((one) => one['timestamp-ms'] <= atMs);
  if (found !== undefined) return found;
  const oldest = past.at(-1);
  const since =
    oldest === undefined
      ? 'the table is empty'
      : `the oldest kept is of ${new Date(oldest['timestamp-ms']).toISOString()}`;
  throw new EngineError('QUERY_FAILED', `there is no snapshot of ${new Date(atMs).toISOString()} or before; ${since}`);
}

function tableFunction({ metadata, metadataLocation }: TableState, { s3 }: Config, snapshot: Snapshot | null): string {
  const within = metadataLocation.slice(metadataLocation.lastIndexOf('/metadata/') + 1);
  const settings = `SETTINGS iceberg_metadata_file_path = ${quoted(within)}`;
  // This one is a setting of the query, the other one of the table.
  const past = snapshot === null ? '' : ` SETTINGS iceberg_snapshot_id = ${snapshot['snapshot-id']}`;
  if (!isS3(metadata.location)) {
    const folder = localPath(metadata.location);
    // ClickHouse reads below its working folder only.
    chdir(folder);
    return `icebergLocal(${quoted(folder)}, ${settings})${past}`;
  }
  const { endpoint, region, access_key_id: key, secret_access_key: secret } = s3;
  const place = metadata.location.slice('s3://'.length);
  const url = `${endpoint ?? `https://s3.${region}.amazonaws.com`}/${place}`;
  const login = key === null || secret === null ? '' : `, ${quoted(key)}, ${quoted(secret)}`;
  return `icebergS3(${quoted(url)}${login}, ${settings})${past}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, (char) => `\\${char}`)}'`;
}

function hideSecret(text: string, { s3 }: Config): string {
  return s3.secret_access_key === null ? text : text.replaceAll(s3.secret_access_key, '***');
}

function answerOf(text: string): LakeAnswer {
  if (!text.startsWith('{')) return { text, columns: [], rows: null };
  try {
    const { meta, data } = JSON.parse(text) as { meta?: LakeAnswer['columns']; data?: unknown[][] };
    if (meta && data?.every(Array.isArray)) return { text, columns: meta, rows: data };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { text, columns: [], rows: null };
}
