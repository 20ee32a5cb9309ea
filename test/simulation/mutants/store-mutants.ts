import { EngineError } from '../../../src/model/errors.ts';
import type { StateStore } from '../../../src/state/state-store.ts';
import type { Mutant } from './mutant.ts';

/** What the commit script, the claim or the store's owner could get wrong. */
export const storeMutants: readonly Mutant[] = [
  {
    name: 'no_compare_and_set',
    bug: 'a commit does not check on which commit it builds',
    rules: { checksSeq: false },
  },
  {
    name: 'no_owner_token',
    bug: 'a commit checks seq and offset, not who owns the lane',
    rules: { checksToken: false },
  },
  {
    name: 'compare_seq_alone',
    bug: 'a commit checks the seq, neither the offset nor who owns the lane',
    rules: { checksToken: false, checksOffset: false },
  },
  {
    name: 'no_offset_compare',
    bug: "a commit checks owner and seq, not the offset: a seq of ours may be another's commit",
    rules: { checksOffset: false },
  },
  {
    name: 'no_fence_at_all',
    bug: 'a commit checks nothing',
    rules: { checksToken: false, checksSeq: false },
  },
  {
    name: 'outbox_in_memory',
    bug: 'undelivered output is not part of the commit',
    rules: { keepsOutbox: false },
  },
  {
    name: 'outbox_trimmed_too_early',
    bug: 'a commit drops the output of the commits before it, delivered or not',
    rules: { keepsUnacknowledged: false },
  },
  {
    name: 'torn_commit',
    bug: 'the state is written, its offset with the next commit',
    rules: { isAtomic: false },
  },
  {
    name: 'deltas_dropped_too_early',
    bug: 'only the last eight deltas are kept, covered by bases or not',
    rules: { keepsDeltas: false },
  },
  {
    name: 'no_idle_check',
    bug: 'an idle owner that was fenced never hears of it',
    rules: { answersChecks: false },
  },
  {
    name: 'starts_empty_after_loss',
    bug: 'a store that lost everything counts as new, and no snapshot is put back',
    startsEmpty: true,
  },
  {
    name: 'emit_before_commit',
    bug: 'output leaves although nobody knows whether its commit was applied',
    store: (store) => ({
      ...bound(store),
      async commit(round) {
        store.commit(round).catch(() => undefined);
        return round.map(() => 'OK' as const);
      },
    }),
  },
  {
    name: 'unknown_means_failed',
    bug: 'a commit without an answer counts as not applied, and its lane goes on as if it were lost',
    store: (store) => ({
      ...bound(store),
      commit: (round) => store.commit(round).catch(() => round.map(() => 'OK' as const)),
    }),
  },
  {
    name: 'resume_from_advice',
    bug: 'a lane resumes from the offset that the group remembers, not from that of its state',
    store: (store, { memory }) => ({
      ...bound(store),
      async commit(round) {
        const outcomes = await store.commit(round);
        for (const { lane, nextOffset } of round) memory.set(lane, nextOffset);
        return outcomes;
      },
      async claim(lane, token) {
        const snapshot = await store.claim(lane, token);
        const advised = memory.get(lane) as number | undefined;
        if (snapshot.meta === null || advised === undefined) return snapshot;
        return { ...snapshot, meta: { ...snapshot.meta, nextOffset: Math.max(advised, snapshot.meta.nextOffset) } };
      },
    }),
  },
  {
    name: 'outage_taken_for_refusal',
    bug: 'an engine gives up when the store does not answer',
    store: (store) => ({
      ...bound(store),
      commit: (round) =>
        store.commit(round).catch((cause: unknown) => {
          throw new EngineError('STATE_REFUSED', 'simulated: gives up', { cause });
        }),
    }),
  },
  {
    name: 'outbox_not_delivered_again',
    bug: 'who claims a lane does not deliver what its last owner left',
    store: (store) => ({
      ...bound(store),
      claim: async (lane, token) => ({ ...(await store.claim(lane, token)), outbox: [] }),
    }),
  },
];

function bound(store: StateStore): StateStore {
  return {
    readGeneration: (topic) => store.readGeneration(topic),
    writeGeneration: (...args) => store.writeGeneration(...args),
    claim: (...args) => store.claim(...args),
    commit: (round) => store.commit(round),
    check: (...args) => store.check(...args),
    trim: (...args) => store.trim(...args),
    standing: (lane) => store.standing(lane),
    close: () => store.close(),
  };
}
