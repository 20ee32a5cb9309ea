import type { Random } from '../random.ts';

/**
 * Everything that goes wrong in a universe, as data: a failing universe is shrunk by leaving faults out
 * one by one, so none may rest on another.
 */
export type Fault =
  /** The process dies; another takes its place later. */
  | { readonly kind: 'kill'; readonly atMs: number; readonly slot: number; readonly downMs: number }
  /** The process stands still (SIGSTOP); the group may give its lanes away meanwhile. */
  | { readonly kind: 'freeze'; readonly atMs: number; readonly slot: number; readonly forMs: number }
  | { readonly kind: 'rebalance'; readonly atMs: number; readonly patienceMs: number }
  /** Two members hold every lane for a while. */
  | { readonly kind: 'split_brain'; readonly atMs: number; readonly forMs: number }
  /** Calls are lost, late, repeated, or applied without an answer. */
  | { readonly kind: 'storm'; readonly atMs: number; readonly forMs: number }
  /** The store fails over and loses its last writes: of all lanes, or of one shard's lane. */
  | { readonly kind: 'store_rollback'; readonly atMs: number; readonly writes: number; readonly lane: number | null }
  /** The store loses everything; the newest copy is put back. */
  | { readonly kind: 'store_loss'; readonly atMs: number }
  | { readonly kind: 'store_down'; readonly atMs: number; readonly forMs: number }
  /** The claim of an earlier owner arrives once more, and gives it the lane. */
  | { readonly kind: 'stale_claim'; readonly atMs: number; readonly lane: number; readonly back: number }
  | { readonly kind: 'store_full'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'warehouse_down'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'warehouse_busy'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'warehouse_cut'; readonly atMs: number }
  | { readonly kind: 'merge'; readonly atMs: number }
  | { readonly kind: 'topics_down'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'log_down'; readonly atMs: number; readonly forMs: number }
  /** Offsets nobody reads: aborted transactions and their markers. */
  | { readonly kind: 'offset_gap'; readonly atMs: number; readonly lane: number; readonly offsets: number }
  /** The log forgets what no snapshot needs any more. */
  | { readonly kind: 'retention'; readonly atMs: number }
  /** All engines are gone for a while: nobody ticks, then much time passes at one record. */
  | { readonly kind: 'tick_gap'; readonly atMs: number; readonly forMs: number }
  /** A batch arrives that nobody can read. */
  | { readonly kind: 'damaged_batch'; readonly atMs: number; readonly lane: number; readonly records: number }
  /** A record arrives over which careless code stumbles. */
  | { readonly kind: 'poisonous_record'; readonly atMs: number; readonly lane: number }
  /** A bug of ours behind the checks: the program of a lane throws in the middle of a run, once. */
  | { readonly kind: 'stumble'; readonly atMs: number; readonly lane: number }
  /** A record arrives over which the program of a lane throws whenever it applies it. */
  | { readonly kind: 'broken_record'; readonly atMs: number; readonly lane: number }
  /** Somebody who may not decide says a plan of everyone, or one who may says a number that does not follow. */
  | { readonly kind: 'forged_plan'; readonly atMs: number; readonly lane: number; readonly how: Forgery }
  /** One organization sends much at once, campaigns without end and rubbish among it. */
  | { readonly kind: 'noisy_tenant'; readonly atMs: number; readonly lane: number; readonly records: number }
  /** A partition loses its last records, and others take their offsets. */
  | {
      readonly kind: 'log_cut';
      readonly atMs: number;
      readonly lane: number;
      readonly records: number;
      readonly isRestarted: boolean;
    }
  /** The topic is deleted and made anew under its old name. The engines must refuse it. */
  | { readonly kind: 'topic_recreated'; readonly atMs: number };

/** `copied`: under a signature of another plan of the lane. `other_lane`: as signed for another lane. */
const forgeries = [
  'unsigned',
  'stranger',
  'copied',
  'other_org',
  'other_lane',
  'too_early',
  'retired',
  'jump',
] as const;
export type Forgery = (typeof forgeries)[number];

export type FaultKind = Fault['kind'];

type Draw = (random: Random, atMs: number, world: FaultWorld) => Fault;

export interface FaultWorld {
  readonly slots: number;
  readonly partitions: number;
  readonly stormMs: number;
}

/** How often each kind is drawn, relative to the others. */
const draws: readonly (readonly [weight: number, draw: Draw])[] = [
  [
    5,
    (random, atMs, { slots }) => ({ kind: 'kill', atMs, slot: pick(random, slots), downMs: random.between(50, 1_500) }),
  ],
  [
    4,
    (random, atMs, { slots }) => ({
      kind: 'freeze',
      atMs,
      slot: pick(random, slots),
      forMs: random.between(200, 3_000),
    }),
  ],
  [3, (random, atMs) => ({ kind: 'rebalance', atMs, patienceMs: random.pick([0, 50, 300]) })],
  [2, (random, atMs) => ({ kind: 'split_brain', atMs, forMs: random.between(300, 2_000) })],
  [4, (random, atMs) => ({ kind: 'storm', atMs, forMs: random.between(500, 4_000) })],
  [4, rollBack],
  [2, (_, atMs) => ({ kind: 'store_loss', atMs })],
  [1, (random, atMs) => ({ kind: 'store_down', atMs, forMs: random.between(100, 2_000) })],
  [1, (random, atMs) => ({ kind: 'store_full', atMs, forMs: random.between(100, 2_000) })],
  [2, (random, atMs) => ({ kind: 'warehouse_down', atMs, forMs: random.between(100, 5_000) })],
  [1, (random, atMs) => ({ kind: 'warehouse_busy', atMs, forMs: random.between(100, 2_000) })],
  [1, (_, atMs) => ({ kind: 'warehouse_cut', atMs })],
  [2, (_, atMs) => ({ kind: 'merge', atMs })],
  [1, (random, atMs) => ({ kind: 'topics_down', atMs, forMs: random.between(100, 4_000) })],
  [1, (random, atMs) => ({ kind: 'log_down', atMs, forMs: random.between(100, 2_000) })],
  [
    2,
    (random, atMs, { partitions }) => ({
      kind: 'offset_gap',
      atMs,
      lane: pick(random, partitions),
      offsets: random.between(1, 9),
    }),
  ],
  [2, (_, atMs) => ({ kind: 'retention', atMs })],
  [1, (random, atMs) => ({ kind: 'tick_gap', atMs, forMs: random.between(1_500, 4_000) })],
];

function rollBack(random: Random, atMs: number, { partitions }: FaultWorld): Fault {
  const lane = random.chance(0.5) ? null : pick(random, partitions);
  return { kind: 'store_rollback', atMs, writes: random.between(1, 12), lane };
}

/** One fault in a few hundred milliseconds to a second, in order of time. */
export function drawFaults(random: Random, world: FaultWorld): Fault[] {
  // A kind stands as often as it weighs, so that one pick draws by weight.
  const urn = draws.flatMap(([weight, draw]) => Array.from({ length: weight }, () => draw));
  const faults: Fault[] = [];
  for (let atMs = random.between(200, 1_200); atMs < world.stormMs; atMs += random.between(100, 1_600)) {
    faults.push(random.pick(urn)(random, atMs, world));
  }
  if (random.chance(0.02)) faults.push({ kind: 'topic_recreated', atMs: world.stormMs });
  return faults;
}

/** What nobody can read, between what everybody can. */
export function drawDamage(random: Random, { partitions, stormMs }: FaultWorld): Fault[] {
  const faults: Fault[] = [];
  for (let n = random.between(1, 3); n > 0; n--) {
    const [atMs, lane] = [random.between(200, stormMs), pick(random, partitions)];
    if (random.chance(0.5)) faults.push({ kind: 'damaged_batch', atMs, lane, records: random.between(1, 30) });
    else faults.push({ kind: 'poisonous_record', atMs, lane });
  }
  return faults;
}

/** Programs that throw, and tenants that take what they can get. */
export function drawNoise(random: Random, { partitions, stormMs }: FaultWorld): Fault[] {
  const faults: Fault[] = [];
  for (let n = random.between(1, 3); n > 0; n--) {
    const [atMs, lane] = [random.between(200, stormMs), pick(random, partitions)];
    if (random.chance(0.5)) faults.push({ kind: 'stumble', atMs, lane });
    else faults.push({ kind: 'noisy_tenant', atMs, lane, records: random.between(50, 250) });
  }
  return faults;
}

/** Records that the program cannot take. */
export function drawBroken(random: Random, { partitions, stormMs }: FaultWorld): Fault[] {
  return Array.from({ length: random.between(1, 2) }, () => {
    return { kind: 'broken_record', atMs: random.between(200, stormMs), lane: pick(random, partitions) };
  });
}

/** Of a stream whose plans are signed. */
export function drawForgeries(random: Random, { partitions, stormMs }: FaultWorld): Fault[] {
  return Array.from({ length: random.between(2, 5) }, () => {
    const [atMs, lane] = [random.between(200, stormMs), pick(random, partitions)];
    return { kind: 'forged_plan', atMs, lane, how: random.pick(forgeries) };
  });
}

/** Comes last: what follows is judged by what the log has become. */
export function drawCut(random: Random, { partitions, stormMs }: FaultWorld): Fault {
  const [lane, records, isRestarted] = [pick(random, partitions), random.between(1, 40), random.chance(0.5)];
  return { kind: 'log_cut', atMs: stormMs, lane, records, isRestarted };
}

/**
 * Two engines hold every lane, the store loses its tail, and a claim of one of them comes again: then a
 * commit may find its owner and its seq over the commit of the other. By chance alone it hardly happens.
 */
export function drawUsurpation(random: Random, { partitions, stormMs }: FaultWorld): Fault[] {
  const atMs = random.between(1_500, stormMs - 2_000);
  const faults: Fault[] = [{ kind: 'split_brain', atMs, forMs: 2_500 }];
  for (let at = atMs + 300; at < atMs + 2_500; at += random.between(100, 500)) {
    const lane = pick(random, partitions);
    if (random.chance(0.3)) faults.push({ kind: 'store_rollback', atMs: at, writes: random.between(1, 4), lane });
    faults.push({ kind: 'stale_claim', atMs: at + random.between(1, 400), lane, back: random.between(0, 2) });
  }
  return faults;
}

function pick(random: Random, below: number): number {
  return random.between(0, below - 1);
}

/** One line for a person. */
export function describeFault(fault: Fault): string {
  const { kind, atMs, ...rest } = fault;
  const words = Object.entries(rest).map(([name, value]) => `${name}=${value ?? 'all'}`);
  return `${String(atMs).padStart(6)} ms  ${kind}${words.length > 0 ? `  ${words.join(' ')}` : ''}`;
}
