/** A mistake in a rule, where `paceline check` would say that it is. Lines and columns begin at 1. */
export interface Mistake {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** The places of a refusal, one a line as `NAME:LINE:COLUMN: words`; a line without a place goes on with the one before. */
export function mistakesIn(detail: string): Mistake[] {
  const found: Mistake[] = [];
  for (const text of detail.split('\n')) {
    const placed = /^.*?:(\d+):(\d+): (.+)$/.exec(text);
    const last = found.pop();
    if (placed !== null) {
      if (last !== undefined) found.push(last);
      found.push({ line: Number(placed[1]), column: Number(placed[2]), message: placed[3] });
    } else if (last !== undefined) found.push({ ...last, message: `${last.message} ${text.trim()}`.trim() });
  }
  return found;
}

/** Where a mistake stands in the text, in characters from its beginning; never beyond its line. */
export function placeOf(text: string, { line, column }: Mistake): number {
  const lines = text.split('\n');
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  return Math.min(text.length, before + Math.min(column - 1, lines[line - 1]?.length ?? 0));
}
