/**
 * The text of a member of a JSON object, exactly as written: 1.0 stays 1.0, and a number of twenty
 * digits keeps them, which parsing and printing again would not do. `text` is known to be one JSON
 * object. Of two members with one name the last counts, as for JSON.parse; undefined = none.
 */
export function memberText(text: string, name: string): string | undefined {
  let found: string | undefined;
  let at = text.indexOf('{') + 1;
  for (;;) {
    at = skipBlank(text, at);
    if (text[at] !== '"') return found;
    const nameEnd = skipString(text, at);
    const isWanted = JSON.parse(text.slice(at, nameEnd)) === name;
    const start = skipBlank(text, skipBlank(text, nameEnd) + 1);
    const end = skipValue(text, start);
    if (isWanted) found = text.slice(start, end).trimEnd();
    at = end + 1;
  }
}

function skipBlank(text: string, at: number): number {
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\r' || text[at] === '\n') at += 1;
  return at;
}

/** From an opening quote to past the closing one. */
function skipString(text: string, at: number): number {
  for (at += 1; text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
  return at + 1;
}

/** To the comma or the closing brace that follows the value. */
function skipValue(text: string, at: number): number {
  let depth = 0;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') {
      at = skipString(text, at);
      continue;
    }
    if (depth === 0 && (character === ',' || character === '}' || character === ']')) return at;
    if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    at += 1;
  }
  return at;
}
