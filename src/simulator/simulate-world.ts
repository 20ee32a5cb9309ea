import { limits } from '../model/limits.ts';
import { minuteMs } from '../model/time.ts';
import type { Plan } from '../rules/plan.ts';
import { badRecord } from './bad-producer.ts';
import { CampaignRun } from './campaign-run.ts';
import { ControlChurn } from './control-churn.ts';
import { Delivery } from './deliver.ts';
import { Disturbances } from './disturb.ts';
import { Feeds } from './feeds.ts';
import { openCampaign, planRecords } from './opening.ts';
import type { ProducedRecord } from './produced-record.ts';
import { Random } from './random.ts';
import { Transport } from './transport.ts';
import { type BadProducerKind, badProducerKinds, campaignKey, type Fault, type World } from './world.ts';

/**
 * The records of a world in the order of log time: plans, what was so before, then minute by minute
 * what happens, with a tick per partition. A pure function of (world, plans); memory holds one minute
 * and what is on its way.
 */
export function* simulateWorld(
  world: World,
  plans: readonly Plan[],
  /** Sees each campaign after each minute, with what it really spent: no record tells that. */
  afterMinute: (run: CampaignRun, minute: number) => void = () => {},
): Generator<ProducedRecord, void, undefined> {
  yield* planRecords(plans, world.startMs, world.partitions);
  const simulation = new Simulation(world, afterMinute);
  simulation.open();
  for (let minute = world.startMs; minute < world.endMs; minute += minuteMs) {
    if ((minute - world.startMs) % limits.simulatedTickIntervalMs === 0) yield* ticks(world, minute);
    simulation.minute(minute);
    for (;;) {
      const record = simulation.transport.heap.popBefore(minute + minuteMs);
      if (record === undefined) break;
      yield record;
    }
  }
  yield* ticks(world, world.endMs);
}

function* ticks(world: World, logTimeMs: number): Generator<ProducedRecord, void, undefined> {
  for (let partition = 0; partition < world.partitions; partition++) {
    yield { type: 'tick', key: null, partition, logTimeMs, value: {} };
  }
}

/** The moving parts of a world. Each draws from its own stream of chance. */
class Simulation {
  readonly transport: Transport;
  readonly #world: World;
  readonly #runs: readonly CampaignRun[];
  readonly #delivery: Delivery;
  readonly #feeds: Feeds;
  readonly #churn: ControlChurn;
  readonly #disturbances: Disturbances;
  readonly #badRandom: Random;
  readonly #afterMinute: (run: CampaignRun, minute: number) => void;

  constructor(world: World, afterMinute: (run: CampaignRun, minute: number) => void) {
    this.#afterMinute = afterMinute;
    const stream = (label: string) => new Random(world.seed, label);
    this.#world = world;
    this.transport = new Transport(stream('transport'), world.churn, world.endMs);
    for (const { org_id, retries_late } of world.organizations)
      if (retries_late) this.transport.retriesLate.add(org_id);
    this.#runs = world.campaigns.map((campaign) => new CampaignRun(campaign, world));
    this.#delivery = new Delivery(stream('delivery'), this.transport, world.churn.invalid);
    this.#feeds = new Feeds(world, this.#runs, stream('feeds'), this.transport);
    this.#churn = new ControlChurn(stream('churn'), this.transport, world.churn);
    this.#disturbances = new Disturbances(stream('disturbances'), this.transport, this.#delivery, world.churn);
    this.#badRandom = stream('bad producers');
  }

  open(): void {
    for (const run of this.#runs) openCampaign(run, this.#world.startMs, this.transport);
    this.#feeds.open(this.#world.startMs);
  }

  minute(minute: number): void {
    this.#feeds.minute(minute);
    for (const run of this.#runs) {
      this.#disturbances.minute(run, minute, this.#runs.length);
      this.#churn.minute(run, minute);
      this.#delivery.minute(run, minute);
      this.#afterMinute(run, minute);
    }
    for (const fault of this.#world.faults) {
      if (fault.from_ms === minute && isBadProducer(fault.kind)) this.#break(fault, fault.kind);
    }
  }

  #break(fault: Fault, kind: BadProducerKind): void {
    const run = this.#runs.find((each) => campaignKey(each.campaign) === `${fault.org_id}/${fault.campaign_id}`);
    if (run === undefined) throw new Error(`fault ${kind} names no campaign of the world`);
    this.transport.push(badRecord(kind, fault, run, this.#world, this.#badRandom, this.transport));
  }
}

function isBadProducer(kind: string): kind is BadProducerKind {
  return (badProducerKinds as readonly string[]).includes(kind);
}
