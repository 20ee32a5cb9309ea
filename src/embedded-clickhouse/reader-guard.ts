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

export interface Known {
  /** Lower-case names, from the engine. */
  readonly tableFunctions: ReadonlySet<string>;
  /** Tables of `system` that this reader sees. */
  readonly systemTables: ReadonlySet<string>;
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
  if (isSystem(token) && isSign(tokens[at + 1], '.')) {
    const table = tokens[at + 2]?.text ?? '';
    if (!known.systemTables.has(table)) return `system.${table} is not for readers; docs/sql.md lists what is`;
  }
  if (tokens[at - 1]?.text === ':' && token.text.toLowerCase() === 'identifier')
    return 'parameters of type Identifier are not for readers';
  return isSign(tokens[at + 1], '(') ? whyFunctionMayNot(token.text, known.tableFunctions) : null;
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
  /^(output_format_(json|csv|tsv|pretty|decimal|values|markdown|float)_\w+|date_time_output_format|session_timezone|max_rows_to_read|max_bytes_to_read|max_result_rows|extremes|final|limit|offset|join_use_nulls|use_uncompressed_cache|log_queries)$/;
/** Settings that clients send by habit and that the front decides itself. */
const decidedHere =
  /^(readonly|max_execution_time|max_threads|max_result_bytes|result_overflow_mode|max_memory_usage)$/;

/** What becomes of a reader's setting: taken over, ignored because the front sets its own, or refused. */
export function readerSetting(name: string): 'take' | 'ignore' | 'refuse' {
  if (harmlessSettings.test(name)) return 'take';
  return decidedHere.test(name) ? 'ignore' : 'refuse';
}
