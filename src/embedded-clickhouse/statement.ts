import { keywordOf, quoteText, type SqlToken, tokensOf } from './sql-tokens.ts';

/** An INSERT whose rows are given as data. */
export interface DataInsert {
  /** `INSERT INTO t (…)`. */
  readonly head: string;
  /** `SETTINGS …`, or empty. */
  readonly settings: string;
  readonly format: string;
  /** Index in the text where data begins. */
  readonly dataStart: number;
}

/** Reads the front of an INSERT … FORMAT or INSERT … VALUES; null for every other statement. */
export function readDataInsert(sql: string): DataInsert | null {
  let isFirst = true;
  let settingsStart: number | null = null;
  let depth = 0;
  const tokens = tokensOf(sql);
  for (let next = tokens.next(); !next.done; next = tokens.next()) {
    const token = next.value;
    const word = depth === 0 ? keywordOf(token) : '';
    if (isFirst && word !== 'INSERT') return null;
    isFirst = false;
    if (token.text === '(' && token.kind === 'sign') depth += 1;
    if (token.text === ')' && token.kind === 'sign') depth -= 1;
    if (word === 'SELECT' || word === 'WITH' || word === 'INFILE') return null;
    if (word === 'SETTINGS') settingsStart = token.start;
    if (word !== 'FORMAT' && word !== 'VALUES') continue;
    const format = word === 'VALUES' ? token : tokens.next().value;
    return isToken(format)
      ? {
          head: sql.slice(0, settingsStart ?? token.start),
          settings: settingsStart === null ? '' : sql.slice(settingsStart, token.start),
          format: word === 'VALUES' ? 'Values' : format.text,
          dataStart: afterBreak(sql, format.end),
        }
      : null;
  }
  return null;
}

function isToken(token: SqlToken | undefined): token is SqlToken {
  return token?.kind === 'word';
}

/** ClickHouse takes blanks up to and including one line break as the end of the statement. */
function afterBreak(sql: string, at: number): number {
  while (sql[at] === ' ' || sql[at] === '\t' || sql[at] === '\r') at += 1;
  return sql[at] === '\n' ? at + 1 : at;
}

/** The same INSERT with its rows in a file: the one route on which data can never run as SQL. */
export function insertFromFile(insert: DataInsert, path: string): string {
  return `${insert.head} FROM INFILE ${quoteText(path)} ${insert.settings} FORMAT ${insert.format}`;
}

/** True when more than one statement is given. */
export function hasManyStatements(sql: string): boolean {
  let isEnded = false;
  for (const { kind, text } of tokensOf(sql)) {
    if (isEnded && text !== ';') return true;
    if (kind === 'sign' && text === ';') isEnded = true;
  }
  return false;
}

/** The format that the query itself names at its end; null when it leaves that to the caller. */
export function formatClause(sql: string): string | null {
  let found: string | null = null;
  let previous: SqlToken | undefined;
  for (const token of tokensOf(sql)) {
    if (keywordOf(previous) === 'FORMAT' && token.kind === 'word') found = token.text;
    previous = token;
  }
  return found;
}
