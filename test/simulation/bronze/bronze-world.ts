import { Random } from '../random.ts';
import { type BronzeFault, drawBronzeFaults } from './bronze-faults.ts';

/** How a world ends once its faults are over: all is caught up; then, in some, a person has a hand in it. */
export type BronzeEnding = 'caught_up' | 'rolled_back' | 'topic_recreated' | 'log_cut';

/** A whole bronze world as data: nothing else decides what happens in it. */
export interface BronzeWorld {
  readonly seed: number;
  readonly partitions: number;
  /** Engines that run side by side. */
  readonly slots: number;
  readonly stormMs: number;
  /** When a record comes, and where. */
  readonly sent: readonly { readonly atMs: number; readonly partition: number }[];
  readonly faults: readonly BronzeFault[];
  /** Offsets at the log's beginning that retention has already taken, by partition. */
  readonly startsAt: readonly number[];
  readonly comparesPointer: boolean;
  readonly settings: {
    readonly commitIntervalMs: number;
    readonly commitRecords: number;
    readonly commitBytes: number;
  };
  readonly properties: Readonly<Record<string, string>>;
  readonly ending: BronzeEnding;
}

/** The same world with some of its faults alone, by their places in the whole list. */
export function withBronzeFaults(world: BronzeWorld, kept: readonly number[]): BronzeWorld {
  return { ...world, faults: world.faults.filter((_, index) => kept.includes(index)) };
}

export function drawBronzeWorld(seed: number): BronzeWorld {
  const random = new Random(seed ^ 0x6a09e667);
  const partitions = random.pick([1, 2, 3, 4]);
  const slots = random.pick([1, 2, 2, 3]);
  const stormMs = random.between(2_500, 6_000);
  const sent = Array.from({ length: random.between(40, 150) }, () => ({
    atMs: random.between(0, stormMs),
    partition: random.between(0, partitions - 1),
  })).sort((a, b) => a.atMs - b.atMs);
  return {
    seed,
    partitions,
    slots,
    stormMs,
    sent,
    faults: drawBronzeFaults(new Random(seed ^ 0x1f83d9ab), { slots, partitions, stormMs }),
    startsAt: Array.from({ length: partitions }, () => (random.chance(0.2) ? random.between(1, 50) : 0)),
    comparesPointer: random.chance(0.5),
    settings: {
      commitIntervalMs: random.pick([100, 250, 600]),
      commitRecords: random.pick([4, 20, 500]),
      commitBytes: random.pick([60, 100_000]),
    },
    properties: {
      'commit.manifest.min-count-to-merge': String(random.pick([3, 6, 100])),
      'history.expire.min-snapshots-to-keep': String(random.pick([1, 4, 20])),
      'history.expire.max-snapshot-age-ms': String(random.pick([300, 2_000])),
    },
    ending: drawEnding(seed, random),
  };
}

function drawEnding(seed: number, random: Random): BronzeEnding {
  const ending = random.pick<BronzeEnding>(['caught_up', 'caught_up', 'caught_up', 'rolled_back', 'topic_recreated']);
  return ending === 'caught_up' && new Random(seed ^ 0x3c6ef372).chance(0.3) ? 'log_cut' : ending;
}
