import { tables } from '../../src/rows/tables.ts';
import { nowMs, rowOf, type Shop } from './shop.ts';

/** Every text of every row of an organization: wherever it turns up, something of that one was shown. */
export const secretOf = (org: string): string => `${org}-secret`;

/** One row of each organization in every table. */
export async function writeSecrets(shop: Shop, orgs: readonly string[]): Promise<void> {
  for (const table of tables)
    for (const org of orgs) {
      const texts = table.columns.filter(({ type, name }) => type.includes('String') && name !== 'org_id');
      const times = table.columns.filter(({ type, name }) => type === 'DateTime64(3)' && name !== 'org_id');
      const said = {
        ...Object.fromEntries(texts.map(({ name }) => [name, secretOf(org)])),
        ...Object.fromEntries(times.map(({ name }) => [name, nowMs - 60_000])),
        ...{
          org_id: org,
          to_state: 'firing',
          status: 'behind',
          values: '{}',
          completeness: '',
          date: Math.floor(nowMs / 86_400_000),
        },
        version: 1n << 48n,
      };
      const known = Object.fromEntries(
        table.columns
          .map(({ name }) => name)
          .flatMap((name) => (Object.hasOwn(said, name) ? [[name, said[name as keyof typeof said]]] : [])),
      );
      await shop.write(table, [rowOf(table, known)]);
    }
}
