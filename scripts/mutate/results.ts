import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Mutant } from './mutants.ts';

/** What became of a mutant: noticed by a test, by the time it took, or by nothing. */
export interface Result extends Mutant {
  /** Digest of the file that it stood in; another one makes it another mutant. */
  readonly digest: string;
  /** The test that noticed; `timeout` = it ran for ever; null = it survived. */
  readonly noticedBy: string | null;
  readonly seconds: number;
}

/** Results of earlier runs in a file, a JSON object a line, so that a run goes on where it was stopped. */
export class Results {
  readonly #path: string;
  readonly #known = new Map<string, Result>();

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) return;
    const text = readFileSync(path, 'utf8');
    // A run that was killed may have left half a line.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) writeFileSync(path, whole);
    for (const line of whole.split('\n').slice(0, -1)) this.#keep(JSON.parse(line) as Result);
  }

  get(mutant: Mutant, digest: string): Result | undefined {
    return this.#known.get(keyOf(mutant, digest));
  }

  add(result: Result): void {
    this.#keep(result);
    appendFileSync(this.#path, `${JSON.stringify(result)}\n`);
  }

  /** How often each test file noticed something in files of the same room, and in the file itself ten times that. */
  noticedIn(file: string): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { file: other, noticedBy } of this.#known.values()) {
      const [test] = noticedBy?.split(' > ') ?? [];
      if (test === undefined || dirname(other) !== dirname(file)) continue;
      counts.set(test, (counts.get(test) ?? 0) + (other === file ? 10 : 1));
    }
    return counts;
  }

  #keep(result: Result): void {
    this.#known.set(keyOf(result, result.digest), result);
  }
}

/** Share of mutants that were noticed, percent with one digit; null of none. */
export function scoreOf(results: readonly Result[]): number | null {
  if (results.length === 0) return null;
  const noticed = results.filter(({ noticedBy }) => noticedBy !== null).length;
  return Math.floor((1_000 * noticed) / results.length) / 10;
}

export function describeMutant({ file, line, column, kind, before, after }: Mutant): string {
  const short = before.replaceAll(/\s+/g, ' ');
  return `${file}:${line}:${column} ${kind}: ${short.length > 80 ? `${short.slice(0, 77)}...` : short} → ${after}`;
}

function keyOf({ file, from, to, after }: Mutant, digest: string): string {
  return `${file} ${digest} ${from} ${to} ${after}`;
}
