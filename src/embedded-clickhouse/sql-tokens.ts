/** One lexical element of ClickHouse SQL; comments and white space are left out. */
export interface SqlToken {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'sign' | 'unclear';
  /** The text as written; for quoted names and strings, what lies between the quotes, escapes kept. */
  readonly text: string;
  /** Index of the first character, quotes included. */
  readonly start: number;
  /** Index after the last character. */
  readonly end: number;
}

const wordAt = /[A-Za-z_][A-Za-z0-9_]*/y;
const numberAt = /[0-9][A-Za-z0-9_.]*/y;
const plainNumber = /^(0x[0-9a-f]+|0b[01]+|[0-9_]+(\.[0-9_]*)*(e[0-9]*)?)$/i;
const blankAt = /[ \t\r\n\f\v]+/y;
const lineCommentAt = /(?:--|#!|# )[^\n]*/y;
const quotes: Readonly<Record<string, SqlToken['kind']>> = { "'": 'string', '`': 'quoted', '"': 'quoted' };

/**
 * Cuts SQL into tokens, lazily, so that a caller may stop before inline data. Where ClickHouse's own
 * lexer and this one could ever disagree (unclosed quotes and comments, here-documents, typographic
 * quotes, control characters) the token is `unclear`; who guards must refuse it.
 */
export function* tokensOf(sql: string): Generator<SqlToken> {
  let at = 0;
  while (at < sql.length) {
    const skipped = matchAt(blankAt, sql, at) ?? matchAt(lineCommentAt, sql, at);
    if (skipped !== null) {
      at += skipped.length;
      continue;
    }
    if (sql.startsWith('/*', at)) {
      const end = sql.indexOf('*/', at + 2);
      if (end < 0) return yield { kind: 'unclear', text: '/*', start: at, end: sql.length };
      at = end + 2;
      continue;
    }
    const token = tokenAt(sql, at);
    yield token;
    at = token.end;
  }
}

function tokenAt(sql: string, start: number): SqlToken {
  const first = sql[start];
  const quoteKind = quotes[first];
  if (quoteKind !== undefined) return quotedAt(sql, start, quoteKind);
  const word = matchAt(wordAt, sql, start);
  if (word !== null) return { kind: 'word', text: word, start, end: start + word.length };
  const number = matchAt(numberAt, sql, start);
  if (number !== null) {
    const kind = plainNumber.test(number) ? 'number' : 'unclear';
    return { kind, text: number, start, end: start + number.length };
  }
  const isPlainSign = /[!%&()*+,\-./:;<=>?@[\]^{|}~]/.test(first) && !sql.startsWith('//', start);
  return { kind: isPlainSign ? 'sign' : 'unclear', text: first, start, end: start + 1 };
}

function quotedAt(sql: string, start: number, kind: SqlToken['kind']): SqlToken {
  const quote = sql[start];
  for (let at = start + 1; at < sql.length; at++) {
    if (sql[at] === '\\') at += 1;
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return { kind, text: sql.slice(start + 1, at), start, end: at + 1 };
      at += 1;
    }
  }
  return { kind: 'unclear', text: quote, start, end: sql.length };
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

/** The token as an upper-case keyword; '' when it is not a bare word. */
export function keywordOf(token: SqlToken | undefined): string {
  return token?.kind === 'word' ? token.text.toUpperCase() : '';
}

/** The text of one literal: a string in ClickHouse SQL. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
