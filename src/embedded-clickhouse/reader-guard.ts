import { assert } from '../model/errors.ts';
import { idPattern } from '../model/ids.ts';
import { keywordOf, type SqlToken, tokensOf } from './sql-tokens.ts';

const openings = new Set(['SELECT', 'WITH', 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS']);
/** Words that open files, write, or change the session, wherever they stand. */
const refusedWords = new Set(['INFILE', 'OUTFILE', 'INSERT', 'TRUNCATE', 'ATTACH', 'DETACH', 'GRANT', 'PROCESSLIST']);
/** Functions that read outside the tables though they are no table functions; prefixes. */
const refusedFunctions = /^(file|dict|joinget|catboost|ai[A-Z]|llm|executable|naivebayes|getserversetting|remote)/i;
/** Table functions that only make rows. */
const harmlessTableFunctions = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'generateseries',
  'generate_series',
  'values',
  'view',
  'null',
  'format',
]);

interface Known {
  /** Lower-case names, from the engine. */
  readonly tableFunctions: ReadonlySet<string>;
  /** Tables of `system` that this reader sees. */
  readonly systemTables: ReadonlySet<string>;
  /** Sees one organization alone: nothing may look at a row before the filter of its rows has. */
  readonly isTenant: boolean;
}

/**
 * Says why a reader may not run the query, or null when they may: one statement that only reads, over
 * the tables. The embedded engine answers inside our own process rights and opens any file whose path
 * is used as a table of its `default` database, which its read-only mode does not prevent; therefore
 * this guard comes first, and what it cannot read with certainty it refuses.
 */
export function whyReaderMayNot(sql: string, known: Known): string | null {
  const tokens = [...tokensOf(sql)];
  while (tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'sign') tokens.pop();
  if (tokens.length === 0) return 'the query is empty';
  const unclear = tokens.find(({ kind }) => kind === 'unclear');
  if (unclear !== undefined) return `"${unclear.text}" at character ${unclear.start + 1} is not read with certainty`;
  if (tokens.some(({ kind, text }) => kind === 'sign' && text === ';')) return 'one statement at a time';
  const opening = tokens.find(({ text }) => text !== '(');
  if (known.isTenant && tokens.some((token) => keywordOf(token) === 'EXPLAIN'))
    return 'EXPLAIN counts rows of all organizations, so it is not for readers of one';
  if (!openings.has(keywordOf(opening)))
    return 'a reader may run SELECT, WITH, SHOW, DESCRIBE, EXPLAIN and EXISTS only';
  for (let at = 0; at < tokens.length; at++) {
    const why = whyTokenMayNot(tokens, at, known);
    if (why !== null) return why;
  }
  return null;
}

function whyTokenMayNot(tokens: readonly SqlToken[], at: number, known: Known): string | null {
  const token = tokens[at];
  const before = keywordOf(tokens[at - 1]);
  if (token.kind === 'string')
    return before === 'FROM' || before === 'JOIN' ? 'a string after FROM would open a file' : null;
  if (token.kind !== 'word' && token.kind !== 'quoted') return null;
  if (token.kind === 'word' && refusedWords.has(token.text.toUpperCase())) return `${token.text} is not for readers`;
  if (token.kind === 'quoted' && /[\\/.]/.test(token.text))
    return 'a quoted name with "/", "." or "\\" could be a file';
  if (token.text.toLowerCase() === 'default') return 'the database "default" opens files by name; tables are in "ads"';
  if (known.isTenant) {
    const why = whyTenantMayNot(tokens, at);
    if (why !== null) return why;
  }
  if (isSystem(token) && isSign(tokens[at + 1], '.')) {
    const table = tokens[at + 2]?.text ?? '';
    if (!known.systemTables.has(table)) return `system.${table} is not for readers; docs/sql.md lists what is`;
  }
  if (tokens[at - 1]?.text === ':' && token.text.toLowerCase() === 'identifier')
    return 'parameters of type Identifier are not for readers';
  return isSign(tokens[at + 1], '(') ? whyFunctionMayNot(token.text, known.tableFunctions) : null;
}

function whyTenantMayNot(tokens: readonly SqlToken[], at: number): string | null {
  const token = tokens[at];
  if (keywordOf(token) === 'PREWHERE') return 'PREWHERE looks at rows of all organizations; say WHERE';
  if (/_leaving_\d{6}_|^gold_\w+_[0-9a-f]{8}$/.test(token.text))
    return 'rows of the lake, and those on their way there, are in the views all_…';
  if (token.text.toLowerCase() === 'information_schema')
    return 'information_schema is not for readers of one organization';
  return keywordOf(tokens[at - 1]) === 'IN' ? 'say IN (SELECT … FROM …) in place of a name after IN' : null;
}

/**
 * Holds a reader to the rows of one organization: a filter on every table, views included, which is
 * looked at before any condition of the query. Conditions that are moved ahead of it would tell of
 * others' rows by their errors.
 */
export function tenantSettings(organization: string, tables: GuardedTables): [name: string, value: string][] {
  return [
    boundSetting(organization, tables),
    ['optimize_move_to_prewhere', '0'],
    ['query_plan_merge_filters', '0'],
    ['query_plan_filter_push_down', '0'],
  ];
}

interface GuardedTables {
  readonly database: string;
  readonly tenantTables: readonly string[];
}

/** Rows of one organization alone, of every table, views included. */
export function boundSetting(
  organization: string,
  { database, tenantTables }: GuardedTables,
): [name: string, value: string] {
  assert(idPattern.test(organization), 'an organization has an id');
  const filters = tenantTables.map((table) => `'${database}.${table}': 'org_id = \\'${organization}\\''`);
  return ['additional_table_filters', `{${filters.join(', ')}}`];
}

function isSign(token: SqlToken | undefined, text: string): boolean {
  return token?.kind === 'sign' && token.text === text;
}

function isSystem({ text }: SqlToken): boolean {
  return text.toLowerCase() === 'system';
}

function whyFunctionMayNot(name: string, tableFunctions: ReadonlySet<string>): string | null {
  const lower = name.toLowerCase();
  const isTableFunction = tableFunctions.has(lower) && !harmlessTableFunctions.has(lower);
  return isTableFunction || refusedFunctions.test(name)
    ? `${name}() reaches outside the tables, so it is not for readers`
    : null;
}

const harmlessSettings =
  /^(output_format_(json|csv|tsv|pretty|decimal|values|markdown|float|arrow|parquet)_\w+|date_time_output_format|session_timezone|max_rows_to_read|max_bytes_to_read|max_result_rows|extremes|final|limit|offset|join_use_nulls|use_uncompressed_cache|log_queries)$/;
/** Settings that clients send by habit and that the front decides itself. */
const decidedHere =
  /^(readonly|max_execution_time|max_threads|max_result_bytes|result_overflow_mode|max_memory_usage|async_insert|wait_for_async_insert|wait_for_async_insert_timeout)$/;

/** What becomes of a reader's setting: taken over, ignored because the front sets its own, or refused. */
export function readerSetting(name: string): 'take' | 'ignore' | 'refuse' {
  if (harmlessSettings.test(name)) return 'take';
  return decidedHere.test(name) ? 'ignore' : 'refuse';
}
