/** A rule with one number of a `when`, `clear` or `for` moved. */
export interface RuleMutant {
  /** Such as `warning.when: 90.0 → 99`. */
  readonly name: string;
  readonly text: string;
}

/** Every number of the levels of a rule file, moved up and down by a tenth; a 0 by one. */
export function mutantsOf(text: string): RuleMutant[] {
  const mutants: RuleMutant[] = [];
  let level = '';
  let at = 0;
  for (const line of text.split('\n')) {
    level = /^(\w+):/.exec(line)?.[1] ?? level;
    const isLevel = level === 'warning' || level === 'critical';
    for (const { key, from, to } of isLevel ? partsOf(line) : [])
      for (const found of line.slice(from, to).matchAll(key === 'for' ? /\d+(?=[smhd])/g : /(?<![\w.])\d+\.\d+/g)) {
        const [number] = found;
        const index = from + found.index;
        for (const moved of key === 'for' ? movedDuration(number, line[index + number.length]) : movedNumber(number)) {
          const length = key === 'for' ? number.length + 1 : number.length;
          const start = at + index;
          mutants.push({
            name: `${level}.${key}: ${text.slice(start, start + length)} → ${moved} (at ${index})`,
            text: text.slice(0, start) + moved + text.slice(start + length),
          });
        }
      }
    at += line.length + 1;
  }
  return mutants;
}

/** Where `when`, `clear` and `for` stand in a line: one of them, or all in braces behind the level. */
function partsOf(line: string): { key: string; from: number; to: number }[] {
  const own = /^ {2}(when|clear|for):/.exec(line);
  if (own !== null) return [{ key: own[1], from: 0, to: line.length }];
  if (!/^\w+: \{/.test(line)) return [];
  return [...line.matchAll(/\b(when|clear|for): ('[^']*'|[^,}]+)/g)].map(({ 0: part, 1: key, index }) => {
    return { key, from: index, to: index + part.length };
  });
}

function movedNumber(number: string): string[] {
  const value = Number(number);
  const step = value === 0 ? 1 : value / 10;
  // CEL has no negative numbers but of a minus in front of them.
  return [value + step, value - step].map((each) => {
    const shown = Number.isInteger(each) ? each.toFixed(1) : String(Number(each.toFixed(6)));
    return each < 0 ? `(-${shown.slice(1)})` : shown;
  });
}

function movedDuration(number: string, unit: string): string[] {
  const seconds = Number(number) * { s: 1, m: 60, h: 3_600, d: 86_400 }[unit as 's'];
  return [seconds * 1.1, seconds * 0.9].map((each) => `${Math.round(each)}s`);
}
