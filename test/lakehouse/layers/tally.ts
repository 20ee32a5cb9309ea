import { hash } from 'node:crypto';

type Row = Readonly<Record<string, unknown>>;
/** Rows of each table and organization in numbers: how many, and the sum of the hashes of their texts. */
export type Tally = ReadonlyMap<string, string>;

/** Counts rows that are too many to be held, and compares them all the same: their order does not matter. */
export class TallyMaker {
  readonly #counts = new Map<string, { rows: number; sum: bigint }>();

  add(table: string, row: Row): void {
    const key = `${table} of ${row.org_id}`;
    const count = this.#counts.get(key) ?? { rows: 0, sum: 0n };
    this.#counts.set(key, count);
    count.rows += 1;
    count.sum += hash('sha256', textOf(row), 'buffer').readBigUInt64LE();
  }

  done(): Tally {
    const texts = [...this.#counts].map(([key, { rows, sum }]) => [key, `${rows} rows, ${sum.toString(16)}`] as const);
    return new Map(texts.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** What a tally says of all organizations but one. */
export function without(tally: Tally, org: string): Tally {
  return new Map([...tally].filter(([key]) => !key.endsWith(` of ${org}`)));
}

/** Rows of a table, an organization at a time: no answer is too large then. */
export async function* byOrganization(
  table: string,
  ask: (sql: string) => Promise<readonly Row[]>,
  settings = '',
): AsyncGenerator<readonly Row[]> {
  for (const { org_id: org } of await ask(`SELECT DISTINCT org_id FROM ${table} ORDER BY org_id`))
    yield await ask(`SELECT * FROM ${table} WHERE org_id = '${org}' ${settings}`);
}

/** The same text for the same values, in whatever order their names come. */
function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, one]) => `${name}=${textOf(one)}`).join('\n');
}
