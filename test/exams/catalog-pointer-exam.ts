import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CatalogPointer } from '../../src/lakehouse/catalog/catalog-pointer.ts';

/** Opens one more pointer at the same row of the same catalog. */
export type OpenPointer = () => CatalogPointer;

/** What every place that holds the pointer of a table promises (src/lakehouse/catalog/catalog-pointer.ts). */
export function catalogPointerExam(name: string, prepare: () => Promise<OpenPointer>): void {
  describe(`${name} as a catalog`, () => {
    let pointers: CatalogPointer[] = [];
    beforeAll(async () => {
      const open = await prepare();
      pointers = Array.from({ length: 4 }, open);
    });
    afterAll(async () => {
      for (const pointer of pointers) await pointer.close();
    });

    test('a table is made once, by one of those who try at the same time', async () => {
      expect(await pointers[0].location()).toBeNull();
      const made = await Promise.all(pointers.map((pointer, i) => pointer.insert(`file:/first-${i}`)));
      expect(made.filter(Boolean)).toHaveLength(1);
      expect(await pointers[3].location()).toBe(`file:/first-${made.indexOf(true)}`);
      expect(await pointers[1].insert('file:/again')).toBe(false);
    });

    test('of those who move it from the same place, one does', async () => {
      for (let round = 0; round < 5; round++) {
        const from = (await pointers[0].location()) ?? '';
        const moved = await Promise.all(pointers.map((pointer, i) => pointer.move(from, `file:/${round}-${i}`)));
        expect(moved.filter(Boolean)).toHaveLength(1);
        expect(await pointers[2].location()).toBe(`file:/${round}-${moved.indexOf(true)}`);
      }
    });

    test('a table that was renamed leaves its name to another, and a name that is taken stays taken', async () => {
      expect(await pointers[0].rename('before')).toBe(true);
      expect(await pointers[1].location()).toBeNull();
      expect(await pointers[1].rename('nothing')).toBe(false);
      expect(await pointers[2].insert('file:/second')).toBe(true);
      expect(await pointers[0].rename('before')).toBe(false);
      expect(await pointers[3].location()).toBe('file:/second');
    });

    test('a move from an old place does nothing', async () => {
      const at = await pointers[0].location();
      expect(await pointers[1].move('file:/long-ago', 'file:/new')).toBe(false);
      expect(await pointers[0].location()).toBe(at);
    });
  });
}
