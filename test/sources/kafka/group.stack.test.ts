import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { KafkaConnection } from '../../../src/sources/kafka/connection.ts';
import { GroupMembership } from '../../../src/sources/kafka/group-membership.ts';
import { KafkaBench, plain } from './kafka-bench.ts';

interface Seat {
  readonly membership: GroupMembership;
  readonly events: { what: string; partitions: readonly number[]; atMs: number }[];
  owned: readonly number[];
  failure: unknown;
  commitMs: number;
}

function openSeat(bench: KafkaBench, partitions: number, options: { sessionTimeoutMs?: number } = {}): Seat {
  const connection = new KafkaConnection(plain);
  const membership = new GroupMembership(connection, {
    topic: bench.topic,
    groupId: bench.topic,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 6_000,
    partitions: async () => partitions,
  });
  bench.onDispose(async () => {
    await membership.stop();
    await connection.close();
  });
  return { membership, events: [], owned: [], failure: null, commitMs: 20 };
}

async function take(seat: Seat): Promise<void> {
  const note = (what: string, partitions: readonly number[]) =>
    seat.events.push({ what, partitions, atMs: performance.now() });
  await seat.membership.start({
    assigned: (partitions) => {
      seat.owned = partitions;
      note('assigned', partitions);
    },
    revoking: async (partitions) => {
      note('revoking', partitions);
      await sleep(seat.commitMs);
      note('committed', partitions);
    },
    failed: (error) => {
      seat.failure = error;
    },
  });
}

async function until(condition: () => boolean, ms = 15_000): Promise<number> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > ms) throw new Error('not within the time');
    await sleep(10);
  }
  return performance.now() - startMs;
}

const all = (seats: readonly Seat[]) => seats.flatMap(({ owned }) => owned).toSorted((a, b) => a - b);

test('a newcomer gets its share in less than 2 s, after the last commit of whoever had it', async () => {
  await using bench = await KafkaBench.open({ partitions: 8 });
  const [one, two] = [openSeat(bench, 8), openSeat(bench, 8)];
  await take(one);
  await until(() => one.owned.length === 8);
  const startMs = performance.now();
  await take(two);
  await until(() => one.owned.length === 4 && two.owned.length === 4);
  const handOverMs = performance.now() - startMs;
  console.log(`hand-over of 4 lanes took ${handOverMs.toFixed(0)} ms`);
  expect(handOverMs).toBeLessThan(2_000);
  expect(all([one, two])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  const committed = one.events.find(({ what }) => what === 'committed');
  const taken = two.events.find(({ what }) => what === 'assigned');
  expect(committed?.partitions).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(taken!.atMs).toBeGreaterThan(committed!.atMs);
  // Lanes that stay do not move about.
  expect([0, 1, 2, 3, 4, 5, 6, 7].filter((each) => one.owned.includes(each))).toEqual(one.owned);
});

test('who leaves hands everything over at once', async () => {
  await using bench = await KafkaBench.open({ partitions: 3 });
  const [one, two] = [openSeat(bench, 3), openSeat(bench, 3)];
  await take(one);
  await take(two);
  await until(() => all([one, two]).length === 3 && two.owned.length > 0);
  const startMs = performance.now();
  await one.membership.stop();
  one.owned = [];
  await until(() => two.owned.length === 3);
  expect(performance.now() - startMs).toBeLessThan(2_000);
});

test('a commit that hangs holds the group up for 2 s, not for ever', async () => {
  await using bench = await KafkaBench.open({ partitions: 2 });
  const [one, two] = [openSeat(bench, 2), openSeat(bench, 2)];
  one.commitMs = 8_000;
  await take(one);
  const startMs = performance.now();
  await take(two);
  await until(() => one.owned.length === 1 && two.owned.length === 1);
  expect(performance.now() - startMs).toBeLessThan(4_000);
});

test('our offsets are told to the group as advice, and can be asked for', async () => {
  await using bench = await KafkaBench.open({ partitions: 2 });
  const seat = openSeat(bench, 2);
  await take(seat);
  expect(await seat.membership.advisoryOffset(1)).toBeNull();
  seat.membership.adviseCommitted(1, 41);
  seat.membership.adviseCommitted(1, 42);
  const read = async () => (await seat.membership.advisoryOffset(1)) === 42;
  // Told with the next heartbeat, so the bound is one of time: a quick broker answers hundreds of times before.
  const deadline = performance.now() + 20_000;
  while (!(await read())) expect(performance.now()).toBeLessThan(deadline);
  expect(await seat.membership.advisoryOffset(0)).toBeNull();
});

test('a seat that is taken anew keeps its lanes, after a last commit', async () => {
  await using bench = await KafkaBench.open({ partitions: 2 });
  const seat = openSeat(bench, 2);
  await take(seat);
  await until(() => seat.owned.length === 2);
  const before = seat.events.length;
  seat.membership.rejoin();
  await until(() => seat.events.slice(before).some(({ what }) => what === 'assigned'));
  expect(seat.events.slice(before).map(({ what }) => what)).toEqual(['revoking', 'committed', 'assigned']);
  expect(seat.owned).toEqual([0, 1]);
});

test('a group that refuses us says so', async () => {
  await using bench = await KafkaBench.open();
  const seat = openSeat(bench, 1, { sessionTimeoutMs: 10 });
  await expect(take(seat)).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  expect(seat.failure).toBeNull();
});
