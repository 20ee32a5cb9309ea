import { EngineError } from '../model/errors.ts';

/** Where a ClickHouse HTTP endpoint is, and what opens it. */
export interface QueryEndpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer as columns and rows; or, when the query names a FORMAT of its own, its bytes as text. */
export type QueryAnswer =
  | { kind: 'rows'; columns: readonly { name: string; type: string }[]; rows: readonly (readonly unknown[])[] }
  | { kind: 'text'; text: string };

interface JsonCompact {
  meta: { name: string; type: string }[];
  data: unknown[][];
}

/**
 * Asks one query over ClickHouse's HTTP protocol. 64-bit integers come as text, so that no digit is
 * lost. Throws QUERY_FAILED with ClickHouse's own words, QUERY_REFUSED, or SINK_UNAVAILABLE.
 */
export async function askClickHouse(endpoint: QueryEndpoint, sql: string): Promise<QueryAnswer> {
  const url = new URL(endpoint.url);
  url.searchParams.set('default_format', 'JSONCompact');
  const response = await fetch(url, { method: 'POST', headers: { ...endpoint.headers }, body: sql }).catch(
    (cause: unknown) => {
      throw new EngineError('SINK_UNAVAILABLE', `no answer from ClickHouse at ${endpoint.url}`, { cause });
    },
  );
  const text = await response.text();
  if (response.ok) return readAnswer(text, response.headers.get('x-clickhouse-format'));
  const isRefused = response.status === 401 || response.status === 403;
  throw new EngineError(isRefused ? 'QUERY_REFUSED' : 'QUERY_FAILED', text.trim() || `HTTP ${response.status}`);
}

function readAnswer(text: string, format: string | null): QueryAnswer {
  if (format !== null && format !== 'JSONCompact') return { kind: 'text', text };
  try {
    const { meta, data } = JSON.parse(text) as JsonCompact;
    if (Array.isArray(meta) && Array.isArray(data)) return { kind: 'rows', columns: meta, rows: data };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { kind: 'text', text };
}

/** The rows as objects by column name. */
export function rowsOf(answer: QueryAnswer): Record<string, unknown>[] {
  if (answer.kind !== 'rows') return [];
  return answer.rows.map((row) => Object.fromEntries(answer.columns.map(({ name }, index) => [name, row[index]])));
}
