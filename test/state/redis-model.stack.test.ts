import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { MemoryStateStore } from '../../src/state/memory-state-store.ts';
import type { LaneCommit, StateStore } from '../../src/state/state-store.ts';
import { blob, commitOf, plain } from './lane-commits.ts';
import { openRedisBench } from './redis-bench.ts';
import { endpointOf, isRedisHere, startRedisServer, waitFor } from './redis-server.ts';
import { startProxy } from './tcp-proxy.ts';

const lane = 'ads:0';

type Move =
  | { readonly kind: 'claim'; readonly token: string }
  | { readonly kind: 'commit'; readonly commit: LaneCommit }
  | { readonly kind: 'trim'; readonly token: string; readonly seqs: readonly number[] };

/** What an owner may do, as a wish; what it comes to depends on where the lane stands. */
const wish = fc.record({
  kind: fc.constantFrom('commit', 'commit', 'commit', 'commit', 'claim', 'trim', 'rollback'),
  owner: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2),
  back: fc.integer({ min: 1, max: 5 }),
  skew: fc.constantFrom(0, 0, 0, 0, 1, -1),
  offsetSkew: fc.constantFrom(0, 0, 0, 1),
  says: fc.boolean(),
  group: fc.option(fc.nat(3)),
  keep: fc.integer({ min: 0, max: 4 }),
  hasOutput: fc.boolean(),
  isAnswerLost: fc.boolean(),
});
type Wish = typeof wish extends fc.Arbitrary<infer W> ? W : never;

/** Does one move and says what came of it; `repeat` does it until somebody answers. */
async function play(store: StateStore, move: Move): Promise<unknown> {
  if (move.kind === 'claim') return plain(await store.claim(lane, move.token));
  if (move.kind === 'trim') return await store.trim(lane, move.token, move.seqs);
  return await store.commit([move.commit]);
}

async function replay(moves: readonly Move[]): Promise<MemoryStateStore> {
  const store = new MemoryStateStore();
  for (const move of moves) await play(store, move);
  return store;
}

/** All keys of one prefix as they are, to go back to. */
async function copyKeys(admin: Redis, prefix: string): Promise<Map<string, Buffer>> {
  const copy = new Map<string, Buffer>();
  for (const key of await admin.keys(`${prefix}*`)) copy.set(key, (await admin.dumpBuffer(key)) as Buffer);
  return copy;
}

async function bringBack(admin: Redis, prefix: string, copy: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const key of await admin.keys(`${prefix}*`)) await admin.del(key);
  for (const [key, bytes] of copy) await admin.restore(key, 0, bytes);
}

/** What owners believe: the seq and offset of the last commit each knows of. */
interface Belief {
  seq: number;
  offset: number;
}

function commitFor(now: Wish, token: string, { seq, offset }: Belief, serial: number): LaneCommit {
  const next = Math.max(1, seq + 1 + now.skew);
  return commitOf(lane, token, next, {
    ...(now.says && { prevOffset: offset + now.offsetSkew }),
    nextOffset: offset + 1 + (serial % 3),
    delta: blob(`delta ${serial}`),
    bases: now.group === null ? [] : [{ group: now.group, bytes: blob(`base ${serial}`) }],
    oldestDeltaSeq: next - now.keep,
    outbox: now.hasOutput ? blob(`rows ${serial}`) : null,
    acknowledged: [next - 2],
  });
}

test.skipIf(!isRedisHere)('commits, claims, rollbacks and lost answers agree with the memory store', async () => {
  await using server = await startRedisServer();
  await using proxy = await startProxy(server.port);
  const run = async (wishes: readonly Wish[]) => {
    await using bench = await openRedisBench(endpointOf(proxy.port));
    const { keyPrefix } = bench.options;
    const history: Move[] = [];
    const copies: Map<string, Buffer>[] = [];
    let model = new MemoryStateStore();
    const beliefs = new Map<number, Belief & { token: string }>();
    const doBoth = async (move: Move, isAnswerLost: boolean) => {
      copies.push(await copyKeys(server.admin, keyPrefix));
      history.push(move);
      const expected = await play(model, move);
      if (isAnswerLost) {
        proxy.loseNextAnswer();
        await expect(play(bench.store, move)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
      }
      let found: unknown;
      await waitFor(async () => {
        found = await play(bench.store, move);
        return true;
      });
      // Applied, but its answer lost: asked again, a commit says so.
      const isApplied = isAnswerLost && move.kind === 'commit' && String(expected) === 'OK';
      expect(found).toEqual(isApplied ? ['DUP'] : expected);
      return String(expected);
    };
    for (const [serial, now] of wishes.entries()) {
      const belief = beliefs.get(now.owner);
      if (now.kind === 'rollback') {
        const kept = Math.max(0, history.length - now.back);
        if (kept === history.length) continue;
        await bringBack(server.admin, keyPrefix, copies[kept]);
        copies.length = kept;
        history.length = kept;
        model = await replay(history);
      } else if (now.kind === 'claim' || belief === undefined) {
        const token = `owner ${now.owner} claim ${serial}`;
        await doBoth({ kind: 'claim', token }, now.isAnswerLost);
        const { meta } = await (await replay(history)).claim(lane, 'look');
        beliefs.set(now.owner, { token, seq: meta?.seq ?? 0, offset: meta?.nextOffset ?? 0 });
      } else if (now.kind === 'trim') {
        await doBoth({ kind: 'trim', token: belief.token, seqs: [belief.seq, belief.seq - 1] }, now.isAnswerLost);
      } else {
        const commit = commitFor(now, belief.token, belief, serial);
        const outcome = await doBoth({ kind: 'commit', commit }, now.isAnswerLost);
        if (outcome === 'OK') Object.assign(belief, { seq: commit.seq, offset: commit.nextOffset });
      }
    }
    expect(plain(await bench.store.claim(lane, 'end'))).toEqual(plain(await model.claim(lane, 'end')));
  };
  await fc.assert(fc.asyncProperty(fc.array(wish, { minLength: 15, maxLength: 30 }), run), {
    numRuns: 20,
    seed: 20_261_125,
  });
});
