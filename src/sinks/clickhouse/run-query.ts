import { ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { EngineError } from '../../model/errors.ts';

interface QueryOptions {
  readonly url: string;
  readonly username?: string;
  /** The reader's token, or a password. */
  readonly token: string;
  /** Default `ads`. */
  readonly database?: string;
  readonly sql: string;
  /** How the answer is written where the query has no FORMAT of its own. */
  readonly format: 'json' | 'pretty' | 'csv';
}

const formats = { json: 'JSONEachRow', pretty: 'PrettyCompactMonoBlock', csv: 'CSVWithNames' } as const;

/**
 * Runs one reading query and returns its answer as text; 64-bit integers are quoted in JSON, so that
 * no reader loses digits. Throws QUERY_REFUSED (rights), QUERY_FAILED (the query), SINK_UNAVAILABLE
 * (no answer).
 */
export async function runQuery(options: QueryOptions): Promise<string> {
  await using client = createClient({
    url: options.url,
    username: options.username ?? 'default',
    password: options.token,
    database: options.database ?? 'ads',
    log: { level: ClickHouseLogLevel.OFF },
  });
  try {
    const answer = await client.exec({
      query: options.sql,
      clickhouse_settings: {
        default_format: formats[options.format],
        output_format_json_quote_64bit_integers: 1,
      } as Record<string, string | number>,
    });
    const parts: Buffer[] = [];
    for await (const part of answer.stream) parts.push(part as Buffer);
    return Buffer.concat(parts).toString('utf8');
  } catch (error) {
    throw asQueryError(error);
  }
}

/** Codes of missing rights: readonly, database access, not enough privileges, authentication. */
const refusals = new Set(['164', '291', '497', '516']);

function asQueryError(error: unknown): EngineError {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ClickHouseError)) {
    return new EngineError('SINK_UNAVAILABLE', `no answer from ClickHouse: ${message}`, { cause: error });
  }
  return new EngineError(refusals.has(error.code) ? 'QUERY_REFUSED' : 'QUERY_FAILED', message, { cause: error });
}
