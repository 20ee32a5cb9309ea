/** The words of a line: plain ones in order, and `name=value` ones by name. */
export interface Words {
  readonly plain: readonly string[];
  readonly named: Readonly<Record<string, string>>;
}

export function wordsOf(line: string): Words {
  const plain: string[] = [];
  const named: Record<string, string> = {};
  for (const [word] of line.matchAll(/(?:"[^"]*"|[^\s"])+/g)) {
    const split = /^([a-z_0-9.]+|(?:touch|conversion)\.[a-z/A-Z-]+)=(.*)$/.exec(word);
    if (split === null) plain.push(word);
    else named[split[1]] = split[2].replace(/^"(.*)"$/, '$1');
  }
  return { plain, named };
}

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30s`, `5m`, `3h`, `2d`. */
export function durationOf(word: string): number {
  const match = /^(\d+)([smhd])$/.exec(word);
  if (match === null) throw new Error(`"${word}" is no duration`);
  return Number(match[1]) * units[match[2]];
}

export function instantOf(word: string): number {
  const instant = Date.parse(word);
  if (!/Z$/.test(word) || Number.isNaN(instant)) throw new Error(`"${word}" is no instant in UTC`);
  return instant;
}

/** Micros of a decimal amount of currency units, exactly. */
export function moneyOf(word: string): number {
  const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(word);
  if (match === null) throw new Error(`"${word}" is no amount`);
  const micros = Number(match[2]) * 1_000_000 + Number((match[3] ?? '').padEnd(6, '0'));
  return match[1] === '-' ? -micros : micros;
}
