import { Random } from '../random.ts';
import {
  drawBroken,
  drawCut,
  drawDamage,
  drawFaults,
  drawForgeries,
  drawNoise,
  drawUsurpation,
  type Fault,
} from './faults.ts';
import { signers } from './plan-keys.ts';
import { type Sent, Traffic } from './traffic.ts';

/** A whole universe as data: nothing else decides what happens in it. */
export interface Universe {
  readonly seed: number;
  readonly partitions: number;
  /** Engines that run side by side. */
  readonly slots: number;
  readonly stormMs: number;
  readonly beginsAt: number;
  /** Public key that plans begin with; null = they need no signature. */
  readonly planKey: string | null;
  readonly sent: readonly Sent[];
  readonly faults: readonly Fault[];
  readonly settings: {
    readonly commitIntervalMs: number;
    readonly catchUpIntervalMs: number;
    readonly pollRecordsMax: number;
    readonly tickIntervalMs: number;
    readonly undeliveredBytesMax: number;
    readonly commitBytesMax: number;
  };
  /** How the last engines end: they drain, or a new one runs to the end of the log and stops. */
  readonly ending: 'drain' | 'until_end';
}

const lossAfterRetention: readonly Fault[] = [
  { kind: 'retention', atMs: 13_000 },
  { kind: 'store_loss', atMs: 14_500 },
];

/** `hasPlainPlans`: nothing drawn in them but cadence, zone and a threshold, so that no rule value that is new changes it. */
export function drawUniverse(seed: number, hasPlainPlans = false): Universe {
  const random = new Random(seed);
  const partitions = random.pick([1, 2, 2, 3]);
  const slots = random.pick([1, 2, 2, 3]);
  const shortMs = random.between(4_000, 10_000);
  // Some last long enough for the log to forget what the state once needed.
  const isLong = new Random(seed ^ 0x51ed270b).chance(0.04);
  const stormMs = isLong ? 16_000 : shortMs;
  const forgers = new Random(seed ^ 0xc19bf174);
  const isSigned = forgers.chance(0.15);
  const usurpers = new Random(seed ^ 0x6a09e667);
  const world = { slots, partitions, stormMs };
  const traffic = new Traffic(new Random(seed ^ 0x2545f491), {
    partitions,
    forMs: stormMs,
    records: random.between(60, 180),
    plans: hasPlainPlans ? null : new Random(seed ^ 0x3c6ef372),
    habits: new Random(seed ^ 0x1f83d9ab),
    isSigned,
  });
  const sent = traffic.draw();
  const damage = new Random(seed ^ 0x5be0cd19);
  const noise = new Random(seed ^ 0x510e527f);
  const cut = new Random(seed ^ 0x1f83d9ab);
  const bugs = new Random(seed ^ 0x550c7dc3);
  const faults = drawFaults(new Random(seed ^ 0x1f123bb5), world);
  const isCut = cut.chance(0.03) && !faults.some(({ kind }) => kind === 'topic_recreated');
  return {
    seed,
    partitions,
    slots,
    stormMs,
    beginsAt: traffic.beginsAt,
    planKey: isSigned ? signers.root.publicKey : null,
    sent,
    faults: [
      ...faults,
      ...(damage.chance(0.15) ? drawDamage(damage, world) : []),
      ...(noise.chance(0.12) ? drawNoise(noise, world) : []),
      ...(isCut ? [drawCut(cut, world)] : []),
      ...(isLong ? lossAfterRetention : []),
      ...(usurpers.chance(0.05) ? drawUsurpation(usurpers, world) : []),
      ...(bugs.chance(0.08) ? drawBroken(bugs, world) : []),
      ...(isSigned ? drawForgeries(forgers, world) : []),
    ],
    settings: {
      commitIntervalMs: random.pick([200, 500, 500, 900]),
      // The usual ten seconds are as long as a universe.
      catchUpIntervalMs: 2_000,
      pollRecordsMax: random.pick([1, 16, 64]),
      // Now and then so rare that lanes stand idle.
      tickIntervalMs: random.pick([500, 1_000, 2_000, 60_000]),
      undeliveredBytesMax: random.pick([2_000, 20_000, 1_000_000]),
      commitBytesMax: random.pick([2_500, 4_000_000]),
    },
    ending: random.chance(0.3) ? 'until_end' : 'drain',
  };
}

/** The same universe with some of its faults alone, by their places in the whole list. */
export function withFaults(universe: Universe, kept: readonly number[]): Universe {
  return { ...universe, faults: universe.faults.filter((_, index) => kept.includes(index)) };
}
