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
    const [, key = ''] = /^ {2}(when|clear|for):/.exec(line) ?? [];
    if (key !== '' && (level === 'warning' || level === 'critical'))
      for (const { 0: number, index } of line.matchAll(key === 'for' ? /\d+(?=[smhd])/g : /(?<![\w.])\d+\.\d+/g))
        for (const moved of key === 'for' ? movedDuration(number, line[index + number.length]) : movedNumber(number)) {
          const length = key === 'for' ? number.length + 1 : number.length;
          const start = at + index;
          mutants.push({
            name: `${level}.${key}: ${text.slice(start, start + length)} → ${moved} (at ${index})`,
            text: text.slice(0, start) + moved + text.slice(start + length),
          });
        }
    at += line.length + 1;
  }
  return mutants;
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
