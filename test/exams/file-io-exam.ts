import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FileIO, ListedFile } from '../../src/lakehouse/storage/file-io.ts';

export interface FileIoUnderExam {
  readonly io: FileIO;
  /** A folder of this exam's own; empty. */
  readonly folder: string;
  /** Whether a file of the same bytes counts as ours: the store can tell, so a lost answer is no failure. */
  readonly knowsItsOwn: boolean;
  close(): Promise<void>;
}

/** What every place for a table's files promises (src/lakehouse/storage/file-io.ts). */
export function fileIoExam(name: string, open: () => Promise<FileIoUnderExam>): void {
  describe(`${name} as a place for files`, () => {
    let exam: FileIoUnderExam;
    beforeAll(async () => {
      exam = await open();
    });
    afterAll(() => exam?.close());

    const at = (path: string) => `${exam.folder}/${path}`;
    const listed = async (prefix: string): Promise<ListedFile[]> => {
      const files: ListedFile[] = [];
      for await (const file of exam.io.list(prefix)) files.push(file);
      return files.sort((a, b) => (a.uri < b.uri ? -1 : 1));
    };

    test('a file reads back, whole and in parts, whatever its name and however large', async () => {
      const bytes = new Uint8Array(300_000).map((_, i) => i % 251);
      const uri = at('data/org_id=b.org%3Aeu/day=2026-03-01/x y+z.parquet');
      await exam.io.create(uri, bytes);
      expect(Buffer.compare(await exam.io.read(uri), bytes)).toBe(0);
      expect(await exam.io.read(uri, { start: 100, length: 7 })).toEqual(bytes.slice(100, 107));
      expect(await exam.io.read(uri, { start: 299_990, length: 50 })).toEqual(bytes.slice(299_990));
      await exam.io.create(at('empty'), new Uint8Array(0));
      expect(await exam.io.read(at('empty'))).toHaveLength(0);
    });

    test('of ten who make one file, one does, and nobody writes over it', async () => {
      const uri = at('race');
      const made = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) => exam.io.create(uri, Buffer.from(`writer ${i}`))),
      );
      const winners = made.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
      expect(winners).toHaveLength(1);
      expect(Buffer.from(await exam.io.read(uri)).toString()).toBe(`writer ${winners[0]}`);
      for (const one of made) {
        if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'SINK_UNAVAILABLE' });
      }
    });

    test('a file made twice with the same bytes is a lost answer where the place can tell', async () => {
      await exam.io.create(at('twice'), Buffer.from('same'));
      const again = exam.io.create(at('twice'), Buffer.from('same'));
      if (exam.knowsItsOwn) await again;
      else await expect(again).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    });

    test('a list has all below a folder, with size and age, and nothing beside it', async () => {
      for (let i = 0; i < 25; i++) await exam.io.create(at(`list/a/${i % 3}/${i}`), new Uint8Array(i));
      await exam.io.create(at('list/ab'), new Uint8Array(1));
      const files = await listed(at('list/a'));
      expect(files.map(({ uri }) => uri)).toEqual(
        Array.from({ length: 25 }, (_, i) => at(`list/a/${i % 3}/${i}`)).sort(),
      );
      expect(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(300);
      expect(await listed(at('nowhere'))).toEqual([]);
    });

    test('what is deleted is gone, and deleting it again is fine', async () => {
      await exam.io.create(at('one'), new Uint8Array(1));
      await exam.io.delete(at('one'));
      await exam.io.delete(at('one'));
      await expect(exam.io.read(at('one'))).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
      const many = Array.from({ length: 30 }, (_, i) => at(`many/${i}`));
      for (const uri of many) await exam.io.create(uri, new Uint8Array(1));
      await exam.io.deleteAll([...many, at('many/never-there')]);
      expect(await listed(at('many'))).toEqual([]);
    });
  });
}
