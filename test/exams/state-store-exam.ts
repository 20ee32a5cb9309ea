import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CommitOutcome, LaneCommit, StateStore } from '../../src/state/state-store.ts';
import { blob, commitOf, plain } from '../state/lane-commits.ts';

/** A store under examination; `reopen` is a restart of the process over what is durable. */
export interface StoreBench {
  store: StateStore;
  reopen(): Promise<void>;
  dispose(): Promise<void>;
}

const lanes = ['ads:0', 'ads:1'];

/** What every state store promises. `open` gives an empty one. */
export function stateStoreExam(name: string, open: () => Promise<StoreBench>): void {
  describe(`${name} as a state store`, () => {
    const withBench = (title: string, run: (bench: StoreBench) => Promise<void>) =>
      test(title, async () => {
        const bench = await open();
        try {
          await run(bench);
        } finally {
          await bench.dispose();
        }
      });

    withBench('a lane that never committed says so', async ({ store }) => {
      expect(plain(await store.claim('ads:0', 'a'))).toEqual({ meta: null, bases: [], deltas: [], outbox: [] });
      expect(await store.check('ads:0', 'a', 0)).toBe('OK');
      expect(await store.check('ads:1', 'a', 0)).toBe('FENCED');
    });

    withBench('a commit is there whole after a restart', async (bench) => {
      await bench.store.claim('ads:0', 'a');
      const first = commitOf('ads:0', 'a', 1, { outbox: blob('rows 1'), bases: [{ group: 3, bytes: blob('b3') }] });
      const second = commitOf('ads:0', 'a', 2, { outbox: blob('rows 2'), acknowledged: [1], oldestDeltaSeq: 2 });
      expect(await bench.store.commit([first])).toEqual(['OK']);
      expect(await bench.store.commit([second])).toEqual(['OK']);
      await bench.reopen();
      expect(plain(await bench.store.claim('ads:0', 'b'))).toEqual({
        meta: { seq: 2, nextOffset: 20 },
        bases: [[3, 'b3']],
        deltas: [[2, 'ads:0 delta 2']],
        outbox: [[2, 'rows 2']],
      });
    });

    withBench('how far a lane is shows without a claim, and what waits for sinks', async (bench) => {
      const { store } = bench;
      expect(await store.standing('ads:0')).toBeNull();
      await store.claim('ads:0', 'a');
      expect(await store.standing('ads:0')).toBeNull();
      await store.commit([commitOf('ads:0', 'a', 1, { outbox: blob('rows 1') })]);
      await store.commit([commitOf('ads:0', 'a', 2, { outbox: blob('rows 2') })]);
      expect(await store.standing('ads:0')).toEqual({ seq: 2, nextOffset: 20, oldestOutput: 1 });
      await store.trim('ads:0', 'a', [1]);
      expect(await store.standing('ads:0')).toEqual({ seq: 2, nextOffset: 20, oldestOutput: 2 });
      await bench.reopen();
      await bench.store.claim('ads:0', 'b');
      await bench.store.trim('ads:0', 'b', [2]);
      expect(await bench.store.standing('ads:0')).toEqual({ seq: 2, nextOffset: 20, oldestOutput: null });
      expect(await bench.store.check('ads:0', 'b', 2)).toBe('OK');
      expect(await bench.store.standing('ads:1')).toBeNull();
    });

    withBench('the epoch of the leader comes back with the offset that it belongs to', async (bench) => {
      await bench.store.claim('ads:0', 'a');
      await bench.store.commit([commitOf('ads:0', 'a', 1, { leaderEpoch: 7 })]);
      await bench.reopen();
      expect((await bench.store.claim('ads:0', 'b')).meta).toEqual({ seq: 1, nextOffset: 10, leaderEpoch: 7 });
      // A commit that does not say it, as a release before makes it: the old epoch must not pass for its own.
      await bench.store.commit([commitOf('ads:0', 'b', 2)]);
      await bench.reopen();
      expect((await bench.store.claim('ads:0', 'c')).meta).toEqual({ seq: 2, nextOffset: 20 });
    });

    withBench('lanes of a round succeed or fail each by itself', async ({ store }) => {
      await store.claim('ads:0', 'a');
      await store.claim('ads:1', 'b');
      const round = [commitOf('ads:0', 'a', 1), commitOf('ads:1', 'old', 1), commitOf('ads:1', 'b', 2)];
      expect(await store.commit(round)).toEqual(['OK', 'FENCED', 'GAP']);
      expect((await store.claim('ads:1', 'c')).meta).toBeNull();
    });

    withBench('a repeated commit changes nothing', async ({ store }) => {
      await store.claim('ads:0', 'a');
      const commit = commitOf('ads:0', 'a', 1, { outbox: blob('rows') });
      expect(await store.commit([commit])).toEqual(['OK']);
      expect(await store.trim('ads:0', 'a', [1])).toBe('OK');
      expect(await store.commit([commit])).toEqual(['DUP']);
      expect((await store.claim('ads:0', 'b')).outbox).toEqual([]);
      expect(await store.trim('ads:0', 'a', [1])).toBe('FENCED');
    });

    withBench('empty blobs and large ones come back', async ({ store }) => {
      await store.claim('ads:0', 'a');
      const delta = new Uint8Array(3_000_000).fill(7);
      await store.commit([commitOf('ads:0', 'a', 1, { delta, outbox: new Uint8Array(0) })]);
      const snapshot = await store.claim('ads:0', 'a');
      expect(Buffer.compare(snapshot.deltas[0].bytes, delta)).toBe(0);
      expect(snapshot.outbox.map(({ bytes }) => bytes.length)).toEqual([0]);
    });

    withBench('a generation is remembered', async (bench) => {
      const identity = { clusterId: 'c', topicId: 't', partitions: 2, mode: 'live' } as const;
      expect(await bench.store.readGeneration('ads')).toBeNull();
      await bench.store.writeGeneration('ads', 1, identity);
      await bench.store.writeGeneration('ads', 2, { ...identity, mode: 'replayed' });
      await bench.reopen();
      expect(await bench.store.readGeneration('ads')).toEqual({
        generation: 2,
        identity: { ...identity, mode: 'replayed' },
      });
    });

    withBench('a new generation starts the lanes of its topic anew', async (bench) => {
      const identity = { clusterId: 'c', topicId: 't', partitions: 2, mode: 'live' } as const;
      await bench.store.writeGeneration('ads', 1, identity);
      await bench.store.claim('ads:0', 'a');
      await bench.store.claim('adss:0', 'a');
      const bases = [{ group: 0, bytes: blob('base') }];
      await bench.store.commit([
        commitOf('ads:0', 'a', 1, { outbox: blob('rows'), bases }),
        commitOf('adss:0', 'a', 1),
      ]);
      await bench.store.writeGeneration('ads', 1, { ...identity, partitions: 3 });
      expect((await bench.store.claim('ads:0', 'b')).meta).toEqual({ seq: 1, nextOffset: 10 });
      await bench.store.writeGeneration('ads', 2, identity);
      await bench.reopen();
      expect(plain(await bench.store.claim('ads:0', 'c'))).toEqual({ meta: null, bases: [], deltas: [], outbox: [] });
      expect(await bench.store.commit([commitOf('ads:0', 'b', 2)])).toEqual(['FENCED']);
      expect(await bench.store.commit([commitOf('ads:0', 'c', 1)])).toEqual(['OK']);
      expect((await bench.store.claim('adss:0', 'b')).meta).toEqual({ seq: 1, nextOffset: 10 });
    });

    withBench('a commit that builds on another offset than the stored one is a gap', async ({ store }) => {
      await store.claim('ads:0', 'a');
      // Before the first commit there is nothing to compare: the log's start is not in the store.
      expect(await store.commit([commitOf('ads:0', 'a', 1, { prevOffset: 5 })])).toEqual(['OK']);
      expect(await store.commit([commitOf('ads:0', 'a', 2, { prevOffset: 9 })])).toEqual(['GAP']);
      expect(await store.commit([commitOf('ads:0', 'a', 2, { prevOffset: 10 })])).toEqual(['OK']);
      // The same seq that ends elsewhere is another owner's commit, not ours applied before.
      expect(await store.commit([commitOf('ads:0', 'a', 2, { nextOffset: 21 })])).toEqual(['GAP']);
      expect(await store.commit([commitOf('ads:0', 'a', 2, { prevOffset: 9 })])).toEqual(['DUP']);
      expect((await store.claim('ads:0', 'b')).deltas.map(({ seq }) => seq)).toEqual([1, 2]);
    });

    withBench('a claim fences the one before it, even with the same seq', async ({ store }) => {
      await store.claim('ads:0', 'a');
      await store.commit([commitOf('ads:0', 'a', 1)]);
      await store.claim('ads:0', 'b');
      expect(await store.check('ads:0', 'a', 1)).toBe('FENCED');
      expect(await store.commit([commitOf('ads:0', 'a', 1)])).toEqual(['FENCED']);
      expect(await store.check('ads:0', 'b', 1)).toBe('OK');
      expect(await store.check('ads:0', 'b', 2)).toBe('GAP');
    });

    withBench('deltas go when bases cover them, all of them included', async ({ store }) => {
      await store.claim('ads:0', 'a');
      const seqsAfter = async (seq: number, oldestDeltaSeq: number) => {
        expect(await store.commit([commitOf('ads:0', 'a', seq, { oldestDeltaSeq })])).toEqual(['OK']);
        return (await store.claim('ads:0', 'a')).deltas.map((delta) => delta.seq);
      };
      expect(await seqsAfter(1, 1)).toEqual([1]);
      expect(await seqsAfter(2, 1)).toEqual([1, 2]);
      expect(await seqsAfter(3, 3)).toEqual([3]);
      // What is gone stays gone.
      expect(await seqsAfter(4, 1)).toEqual([3, 4]);
      expect(await seqsAfter(5, 6)).toEqual([]);
      expect(await seqsAfter(6, 6)).toEqual([6]);
    });

    withBench('thousands of acknowledgements fit one call', async ({ store }) => {
      await store.claim('ads:0', 'a');
      await store.commit([commitOf('ads:0', 'a', 1, { outbox: blob('rows') })]);
      const many = Array.from({ length: 20_000 }, (_, i) => i + 1);
      expect(await store.commit([commitOf('ads:0', 'a', 2, { acknowledged: many })])).toEqual(['OK']);
      expect(await store.trim('ads:0', 'a', many)).toBe('OK');
      expect((await store.claim('ads:0', 'b')).outbox).toEqual([]);
    });

    test('any commits, lost answers, stale tokens and gaps agree with the state machine', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 25 }),
          async (rounds) => {
            const bench = await open();
            try {
              await agree(bench, rounds);
            } finally {
              await bench.dispose();
            }
          },
        ),
        { numRuns: 40, seed: 20_260_302 },
      );
    });
  });
}

const step = fc.record({
  lane: fc.constantFrom(...lanes),
  /** What the owner does: mostly right, sometimes again, ahead, behind, or with the token of an earlier claim. */
  kind: fc.constantFrom('next', 'next', 'next', 'again', 'ahead', 'behind', 'stale', 'claim', 'trim', 'restart'),
  base: fc.option(fc.nat(2)),
  keep: fc.integer({ min: 1, max: 4 }),
  hasOutput: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface ModelLane {
  token: string;
  seq: number;
  bases: Map<number, string>;
  deltas: [number, string][];
  outbox: [number, string][];
}

async function agree(bench: StoreBench, rounds: readonly (readonly Step[])[]) {
  const model = new Map<string, ModelLane>();
  let claims = 0;
  const claim = async (lane: string) => {
    const token = `token ${claims++}`;
    const held = model.get(lane) ?? { token, seq: 0, bases: new Map(), deltas: [], outbox: [] };
    model.set(lane, { ...held, token });
    expect(plain(await bench.store.claim(lane, token))).toEqual({
      meta: held.seq === 0 ? null : { seq: held.seq, nextOffset: held.seq * 10 },
      bases: [...held.bases].sort(([a], [b]) => a - b),
      deltas: held.deltas,
      outbox: held.outbox,
    });
  };
  for (const lane of lanes) await claim(lane);
  for (const round of rounds) {
    const commits: LaneCommit[] = [];
    const expected: CommitOutcome[] = [];
    for (const now of round) {
      const held = model.get(now.lane) as ModelLane;
      if (now.kind === 'claim' || now.kind === 'trim' || now.kind === 'restart') continue;
      const seq = held.seq + { next: 1, stale: 1, again: 0, ahead: 2, behind: -1 }[now.kind];
      if (seq < 1) continue;
      commits.push(modelCommit(now, held, seq));
      expected.push(modelOutcome(now, held));
      if (expected.at(-1) === 'OK') modelApply(held, commits[commits.length - 1]);
    }
    expect(await bench.store.commit(commits)).toEqual(expected);
    for (const { lane, kind } of round) {
      const held = model.get(lane) as ModelLane;
      if (kind === 'restart') await bench.reopen();
      if (kind === 'claim') await claim(lane);
      if (kind !== 'trim') continue;
      expect(
        await bench.store.trim(
          lane,
          held.token,
          held.outbox.map(([seq]) => seq),
        ),
      ).toBe('OK');
      held.outbox = [];
      expect(await bench.store.check(lane, held.token, held.seq)).toBe('OK');
      expect(await bench.store.check(lane, held.token, held.seq + 1)).toBe('GAP');
      expect(await bench.store.check(lane, 'stale', held.seq)).toBe('FENCED');
    }
  }
  for (const lane of lanes) await claim(lane);
}

function modelOutcome(now: Step, held: ModelLane): CommitOutcome {
  if (now.kind === 'stale') return 'FENCED';
  if (now.kind === 'next') return 'OK';
  return now.kind === 'again' && held.seq > 0 ? 'DUP' : 'GAP';
}

function modelCommit(now: Step, held: ModelLane, seq: number): LaneCommit {
  return commitOf(now.lane, now.kind === 'stale' ? 'stale' : held.token, seq, {
    bases: now.base === null ? [] : [{ group: now.base, bytes: blob(`base at ${seq}`) }],
    oldestDeltaSeq: seq - now.keep,
    outbox: now.hasOutput ? blob(`rows ${seq}`) : null,
    acknowledged: held.outbox.slice(0, now.keep - 1).map(([at]) => at),
  });
}

function modelApply(held: ModelLane, commit: LaneCommit): void {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  held.seq = commit.seq;
  for (const { group, bytes } of commit.bases) held.bases.set(group, text(bytes));
  held.deltas = [...held.deltas, [commit.seq, text(commit.delta)] as [number, string]];
  held.deltas = held.deltas.filter(([seq]) => seq >= commit.oldestDeltaSeq);
  held.outbox = held.outbox.filter(([seq]) => !commit.acknowledged.includes(seq));
  if (commit.outbox !== null) held.outbox.push([commit.seq, text(commit.outbox)]);
}
