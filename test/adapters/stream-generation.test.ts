import { expect, test } from 'vitest';
import { claimGeneration } from '../../src/adapters/stream-generation.ts';
import type { StreamIdentity } from '../../src/model/lane.ts';
import type { StateStore } from '../../src/state/state-store.ts';

const identity: StreamIdentity = { clusterId: 'c', topicId: 't', partitions: 8, mode: 'live' };

function fakeStore(): Pick<StateStore, 'readGeneration' | 'writeGeneration'> {
  let held: { generation: number; identity: StreamIdentity } | null = null;
  return {
    readGeneration: async () => held,
    writeGeneration: async (_, generation, of) => {
      held = { generation, identity: of };
    },
  };
}

test('the first start takes number 1, later ones keep it', async () => {
  const store = fakeStore() as StateStore;
  expect(await claimGeneration(store, 'x', identity, false)).toEqual({ generation: 1, isFirstStart: true });
  expect(await claimGeneration(store, 'x', identity, false)).toEqual({ generation: 1, isFirstStart: false });
});

test.each([{ clusterId: 'd' }, { topicId: 'u' }, { partitions: 9 }, { mode: 'replayed' as const }])(
  'another stream (%o) is refused unless it is meant',
  async (change) => {
    const store = fakeStore() as StateStore;
    await claimGeneration(store, 'x', identity, false);
    const other = { ...identity, ...change };
    await expect(claimGeneration(store, 'x', other, false)).rejects.toMatchObject({ code: 'GENERATION_MISMATCH' });
    expect(await claimGeneration(store, 'x', other, true)).toEqual({ generation: 2, isFirstStart: false });
    await expect(claimGeneration(store, 'x', identity, false)).rejects.toMatchObject({ code: 'GENERATION_MISMATCH' });
  },
);
