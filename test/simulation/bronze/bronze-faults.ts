import type { Random } from '../random.ts';

/** Everything that goes wrong in a bronze world, as data; none rests on another. */
export type BronzeFault =
  /** The process dies; another takes its place later. */
  | { readonly kind: 'kill'; readonly atMs: number; readonly slot: number; readonly downMs: number }
  /** It dies right behind its next call of the catalog's commit, whose answer it never hears. */
  | { readonly kind: 'kill_in_commit'; readonly atMs: number; readonly slot: number; readonly downMs: number }
  /** It stands still (SIGSTOP); the group may give its partitions away meanwhile. */
  | { readonly kind: 'freeze'; readonly atMs: number; readonly slot: number; readonly forMs: number }
  /** It stands still when it next wants to commit, between its look at the table and the commit. */
  | { readonly kind: 'freeze_in_commit'; readonly atMs: number; readonly slot: number; readonly forMs: number }
  /** It is asked to stop, and another takes its place. */
  | { readonly kind: 'restart'; readonly atMs: number; readonly slot: number }
  | { readonly kind: 'rebalance'; readonly atMs: number; readonly patienceMs: number }
  /** Every member holds every partition for a while. */
  | { readonly kind: 'split_brain'; readonly atMs: number; readonly forMs: number }
  /** Calls are lost, late, repeated, or applied without an answer. */
  | { readonly kind: 'storm'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'catalog_down'; readonly atMs: number; readonly forMs: number }
  /** 409 for everybody. */
  | { readonly kind: 'conflicts'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'objects_down'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'objects_slow'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'objects_cut'; readonly atMs: number; readonly forMs: number }
  /** Another tool rewrites all data files as one. Its snapshot knows nothing of offsets. */
  | { readonly kind: 'compaction'; readonly atMs: number }
  /** Another tool forgets all snapshots but the newest, and the files that only they used. */
  | { readonly kind: 'expiry'; readonly atMs: number; readonly keep: number }
  /** Another tool sets a property of the table, again and again. */
  | { readonly kind: 'properties'; readonly atMs: number; readonly times: number }
  | { readonly kind: 'log_down'; readonly atMs: number; readonly forMs: number }
  /** Offsets nobody reads: aborted transactions and their markers, what compaction took. */
  | { readonly kind: 'offset_gap'; readonly atMs: number; readonly partition: number; readonly offsets: number };

type Draw = (random: Random, world: { slots: number; partitions: number }) => DistributiveOmit<BronzeFault, 'atMs'>;
type DistributiveOmit<T, K extends keyof T> = T extends T ? Omit<T, K> : never;

const draws: readonly (readonly [weight: number, draw: Draw])[] = [
  [3, (random, { slots }) => ({ kind: 'kill', slot: below(random, slots), downMs: random.between(50, 1_200) })],
  [3, (random, { slots }) => ({ kind: 'kill_in_commit', slot: below(random, slots), downMs: random.between(50, 900) })],
  [3, (random, { slots }) => ({ kind: 'freeze', slot: below(random, slots), forMs: random.between(200, 2_500) })],
  [
    4,
    (random, { slots }) => ({
      kind: 'freeze_in_commit',
      slot: below(random, slots),
      forMs: random.between(200, 2_500),
    }),
  ],
  [1, (random, { slots }) => ({ kind: 'restart', slot: below(random, slots) })],
  [3, (random) => ({ kind: 'rebalance', patienceMs: random.pick([0, 50, 300]) })],
  [3, (random) => ({ kind: 'split_brain', forMs: random.between(300, 2_000) })],
  [5, (random) => ({ kind: 'storm', forMs: random.between(400, 3_000) })],
  [1, (random) => ({ kind: 'catalog_down', forMs: random.between(100, 1_500) })],
  [1, (random) => ({ kind: 'conflicts', forMs: random.between(100, 1_000) })],
  [1, (random) => ({ kind: 'objects_down', forMs: random.between(100, 1_500) })],
  [1, (random) => ({ kind: 'objects_slow', forMs: random.between(200, 1_500) })],
  [1, (random) => ({ kind: 'objects_cut', forMs: random.between(50, 500) })],
  [3, () => ({ kind: 'compaction' })],
  [3, (random) => ({ kind: 'expiry', keep: random.between(1, 3) })],
  [1, (random) => ({ kind: 'properties', times: random.between(5, 40) })],
  [1, (random) => ({ kind: 'log_down', forMs: random.between(100, 1_500) })],
  [
    2,
    (random, { partitions }) => ({
      kind: 'offset_gap',
      partition: below(random, partitions),
      offsets: random.between(1, 9),
    }),
  ],
];

/** In order of time. */
export function drawBronzeFaults(
  random: Random,
  world: { slots: number; partitions: number; stormMs: number },
): BronzeFault[] {
  // A kind stands as often as it weighs, so that one pick draws by weight.
  const urn = draws.flatMap(([weight, draw]) => Array.from({ length: weight }, () => draw));
  const faults: BronzeFault[] = [];
  for (let atMs = random.between(100, 700); atMs < world.stormMs; atMs += random.between(60, 700)) {
    faults.push({ ...random.pick(urn)(random, world), atMs } as BronzeFault);
  }
  return faults;
}

function below(random: Random, count: number): number {
  return random.between(0, count - 1);
}
