import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Catalog, TableName } from '../../src/lakehouse/catalog/catalog.ts';
import type { NewTable } from '../../src/lakehouse/format/table-metadata.ts';
import { bronzeSchema, bronzeSpec } from '../../src/lakehouse/layers/bronze/bronze-schema.ts';
import { randomIds } from '../../src/lakehouse/storage/id-source.ts';

export interface CatalogUnderExam {
  /** A namespace that nobody else uses, not there yet. */
  readonly namespace: string;
  /** URI of an empty folder. */
  readonly location: string;
  /** Opens the same catalog once more. */
  open(): Catalog;
}

/** What every catalog of many tables promises (src/lakehouse/catalog/catalog.ts). */
export function catalogExam(name: string, prepare: () => Promise<CatalogUnderExam>): void {
  describe(`${name} as a catalog`, () => {
    let namespace = '';
    let location = '';
    let catalogs: Catalog[] = [];
    beforeAll(async () => {
      const exam = await prepare();
      ({ namespace, location } = exam);
      catalogs = Array.from({ length: 4 }, () => exam.open());
    });
    afterAll(async () => {
      for (const catalog of catalogs) await catalog.close();
    });

    const named = (table: string, inside = namespace): TableName => ({ namespace: inside, table });
    const newTable = (table: string): NewTable => {
      const uuid = randomIds.uuid();
      return { uuid, location: `${location}/${table}`, schema: bronzeSchema, spec: bronzeSpec, properties: {} };
    };
    const uuidOf = async (table: string) => (await catalogs[0].table(named(table)).load())?.metadata['table-uuid'];

    test('a table is made once, by one of those who try at the same time, and its namespace with it', async () => {
      expect(await catalogs[0].table(named('first')).load()).toBeNull();
      expect(await catalogs[0].tables(namespace)).toEqual([]);
      const made = await Promise.all(catalogs.map((one) => one.table(named('first')).create(newTable('first'))));
      expect(new Set(made.map(({ metadata }) => metadata['table-uuid'])).size).toBe(1);
      expect(await catalogs[1].namespaces()).toContain(namespace);
      const again = await catalogs[2].table(named('first')).create(newTable('first'));
      expect(again.metadataLocation).toBe(made[0].metadataLocation);
    });

    test('of those who change it from the same state, one does', async () => {
      for (let round = 0; round < 5; round++) {
        const table = catalogs[0].table(named('first'));
        const base = (await table.load())!;
        const requirements = [{ type: 'assert-table-uuid', uuid: base.metadata['table-uuid'] }] as const;
        const moves = await Promise.allSettled(
          catalogs.map((one, i) =>
            one.table(named('first')).commit(
              base,
              [...requirements, { type: 'assert-current-schema-id', 'current-schema-id': round }],
              [
                { action: 'add-schema', schema: grown(round + 1), 'last-column-id': 11 + round },
                { action: 'set-current-schema', 'schema-id': -1 },
                { action: 'set-properties', updates: { mover: String(i) } },
              ],
            ),
          ),
        );
        const winners = moves.flatMap(({ status }, i) => (status === 'fulfilled' ? [String(i)] : []));
        expect(winners).toHaveLength(1);
        for (const move of moves)
          if (move.status === 'rejected') expect(['CATALOG_CONFLICT', 'COMMIT_UNKNOWN']).toContain(move.reason.code);
        const after = (await table.load())!;
        expect(after.metadata.properties.mover).toBe(winners[0]);
      }
    });

    test('many tables stand side by side, listed by name, each with its own past', async () => {
      for (const table of ['third', 'second']) await catalogs[1].table(named(table)).create(newTable(table));
      expect(await catalogs[2].tables(namespace)).toEqual(['first', 'second', 'third'].map((one) => named(one)));
      const uuids = await Promise.all(['first', 'second', 'third'].map(uuidOf));
      expect(new Set(uuids).size).toBe(3);
    });

    test('a table that was renamed leaves its name to another, and a name that is taken stays taken', async () => {
      const uuid = await uuidOf('second');
      await catalogs[0].rename(named('second'), named('before'));
      expect(await catalogs[1].table(named('second')).load()).toBeNull();
      expect(await uuidOf('before')).toBe(uuid);
      await expect(catalogs[1].rename(named('second'), named('x'))).rejects.toMatchObject({ code: 'CATALOG_CONFLICT' });
      await expect(catalogs[1].rename(named('third'), named('before'))).rejects.toMatchObject({
        code: 'CATALOG_CONFLICT',
      });
      expect(await uuidOf('before')).toBe(uuid);
    });

    test('a dropped table is no longer named, and its namespace goes when it is empty', async () => {
      await expect(catalogs[0].dropNamespace(namespace)).rejects.toMatchObject({ code: 'CATALOG_CONFLICT' });
      for (const { table } of await catalogs[0].tables(namespace))
        expect(await catalogs[3].drop(named(table)), table).toBe(true);
      expect(await catalogs[0].drop(named('first'))).toBe(false);
      expect(await catalogs[1].table(named('first')).load()).toBeNull();
      expect(await catalogs[1].dropNamespace(namespace)).toBe(true);
      expect(await catalogs[1].dropNamespace(namespace)).toBe(false);
      expect(await catalogs[2].namespaces()).not.toContain(namespace);
      expect(await catalogs[2].createNamespace(namespace)).toBe(true);
      expect(await catalogs[3].createNamespace(namespace)).toBe(false);
      expect(await catalogs[3].dropNamespace(namespace)).toBe(true);
    });
  });
}

function grown(columns: number): NewTable['schema'] {
  const added = Array.from({ length: columns }, (_, i) => ({
    id: 11 + i,
    name: `added_${i}`,
    required: false,
    type: 'string' as const,
  }));
  return { ...bronzeSchema, 'schema-id': columns, fields: [...bronzeSchema.fields, ...added] };
}
