import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { QueryCache, QueryKey } from '../../src/serving/cache/query-cache.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (answer: Uint8Array) => new TextDecoder().decode(answer);

/** The exam of every cache of answers; two caches of one bench may share what they keep. */
export function examineQueryCache(name: string, makeCache: () => QueryCache): void {
  describe(`answers kept by ${name}`, () => {
    const key = (more: Partial<QueryKey> = {}): QueryKey => ({
      orgId: 'acme',
      dataVersion: randomUUID(),
      query: 'board',
      args: '{}',
      ...more,
    });

    test('an answer is computed once, and is the same bytes each time', async () => {
      const cache = makeCache();
      const asked = key();
      let computed = 0;
      const compute = async () => bytes(`answer \0 ${++computed} é`);
      for (let i = 0; i < 3; i++) expect(text(await cache.get(asked, compute))).toBe('answer \0 1 é');
    });

    test('who asks meanwhile waits for the same work', async () => {
      const cache = makeCache();
      const asked = key();
      const gate = Promise.withResolvers<void>();
      let computed = 0;
      const all = Array.from({ length: 50 }, () =>
        cache.get(asked, async () => {
          computed += 1;
          await gate.promise;
          return bytes('one');
        }),
      );
      gate.resolve();
      expect(new Set((await Promise.all(all)).map(text))).toEqual(new Set(['one']));
      expect(computed).toBe(1);
    });

    test('a failure is everybody’s who waited, and the next one tries again', async () => {
      const cache = makeCache();
      const asked = key();
      const failing = () => Promise.reject(new Error('no'));
      const both = await Promise.allSettled([cache.get(asked, failing), cache.get(asked, failing)]);
      expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(text(await cache.get(asked, async () => bytes('now')))).toBe('now');
    });

    test('an empty answer is an answer', async () => {
      const cache = makeCache();
      const asked = key();
      await cache.get(asked, async () => bytes(''));
      expect(text(await cache.get(asked, async () => bytes('other')))).toBe('');
    });

    test('nobody is ever answered with another’s: every part of the key counts, however it is cut', async () => {
      const cache = makeCache();
      const run = randomUUID();
      const part = fc.oneof(
        fc.constantFrom('', ':', '/', '\n', '"', 'a', 'acme', 'acme/board', '_engine', '{}', '\0', '☃'),
        fc.string({ maxLength: 6 }),
      );
      const org = fc.oneof(fc.constant(null), fc.constantFrom('acme', 'acme:x', 'acme.x', 'a', 'ac', '_engine', '-'));
      const anyKey = fc.record({ orgId: org, dataVersion: part, query: part, args: part });
      const held = new Map<string, string>();
      await fc.assert(
        fc.asyncProperty(anyKey, async (asked) => {
          // The engine's own is a name that no organization can have.
          const identity = JSON.stringify([asked.orgId ?? '_engine', asked.dataVersion, asked.query, asked.args]);
          const made = held.get(identity) ?? randomUUID();
          held.set(identity, made);
          const answer = await cache.get({ ...asked, dataVersion: `${run}${asked.dataVersion}` }, async () =>
            bytes(made),
          );
          expect(text(answer)).toBe(made);
        }),
        { seed: 15, numRuns: 300 },
      );
    });
  });
}
