import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import { CampaignRun } from '../../src/simulator/campaign-run.ts';
import { trafficAt } from '../../src/simulator/traffic-shape.ts';
import { campaignKey, type Fault, faultsOf, type SimulatedCampaign, type World } from '../../src/simulator/world.ts';

/**
 * What really was with a campaign, by the simulator's own book of money and the order that people gave: no engine, no
 * log, no source that is late. One entry an hour, from the beginning of the log to the end of the flight.
 */
export interface Truth {
  readonly campaign: SimulatedCampaign;
  readonly fromMs: number;
  /** Micros at the end of each hour. */
  readonly spent: Float64Array;
  readonly expected: Float64Array;
  readonly budget: Float64Array;
  /** Whether anything was delivered in the hour. */
  readonly delivers: Uint8Array;
  /** Micros until the end of each hour that were spent after the flight's end, or while the advertiser had it paused. */
  readonly unplanned: Float64Array;
}

/** What campaigns really spent by the end of each hour, by `campaignKey`. */
type Spent = ReadonlyMap<string, readonly number[]>;

/** As it was; after the log's end as it would have gone on. */
function truthOf(world: World, campaign: SimulatedCampaign, spent: Spent): Truth {
  return work(world, campaign, spent.get(campaignKey(campaign)) ?? []);
}

/** As it would have been without a fault. */
export function truthWithout(world: World, campaign: SimulatedCampaign, fault: Fault): Truth {
  return work({ ...world, faults: world.faults.filter((each) => each !== fault) }, campaign, []);
}

function work(world: World, campaign: SimulatedCampaign, spent: readonly number[]): Truth {
  const run = new CampaignRun(campaign, world);
  openBook(run, world.startMs);
  const endMs = Math.max(world.endMs, campaign.end_ms);
  const hours = Math.ceil((endMs - world.startMs) / hourMs);
  const truth = {
    ...{ campaign, fromMs: world.startMs, spent: new Float64Array(hours), expected: new Float64Array(hours) },
    ...{ budget: new Float64Array(hours), delivers: new Uint8Array(hours) },
    unplanned: new Float64Array(hours),
  };
  const cuts = faultsOf(world, campaign).filter(({ kind }) => kind === 'budget_cut');
  const pauses = faultsOf(world, campaign).filter(({ kind }) => kind === 'ignores_pause');
  const plan = new Plan(campaign, run);
  let unplanned = 0;
  for (let hour = 0; hour < hours; hour++) {
    const before = run.spentMicros;
    let outside = 0;
    for (let minute = world.startMs + hour * hourMs; minute < world.startMs + (hour + 1) * hourMs; minute += minuteMs) {
      for (const cut of cuts)
        if (cut.from_ms === minute) {
          plan.change(minute, run.budgetMicros * cut.factor);
          run.budgetMicros *= cut.factor;
          run.replan(minute);
        }
      for (const { from_ms, until_ms } of pauses) {
        if (from_ms === minute) plan.freeze(minute);
        if (until_ms === minute) plan.thaw(minute);
      }
      const wanted = run.wantedMicros(minute);
      if (minute >= campaign.end_ms || plan.isFrozen) outside += wanted;
      run.spend(wanted * 1_000);
    }
    // What was really spent lay in the hour as what was wanted did.
    const wantedInHour = run.spentMicros - before;
    run.spentMicros = spent[hour] ?? run.spentMicros;
    const at = world.startMs + (hour + 1) * hourMs;
    truth.spent[hour] = run.spentMicros;
    truth.expected[hour] = plan.expected(at);
    truth.budget[hour] = run.budgetMicros;
    if (wantedInHour > 0) unplanned += ((run.spentMicros - before) * outside) / wantedInHour;
    truth.unplanned[hour] = unplanned;
    truth.delivers[hour] = run.spentMicros > before ? 1 : 0;
  }
  return truth;
}

/** What was spent before the log begins, as the simulator opens it. */
function openBook(run: CampaignRun, startMs: number): void {
  const { campaign } = run;
  if (campaign.start_ms >= startMs || campaign.pace === 0) return;
  run.spentMicros = run.plannedMicros(campaign.start_ms, startMs) * campaign.opening_pace;
  run.replan(startMs);
}

/** The order: its budget spread evenly, or as the traffic; a change of the budget, and a pause, keep what was expected until then. */
class Plan {
  readonly #campaign: SimulatedCampaign;
  readonly #run: CampaignRun;
  #from: number;
  #base = 0;
  #budget: number;
  isFrozen = false;

  constructor(campaign: SimulatedCampaign, run: CampaignRun) {
    this.#campaign = campaign;
    this.#run = run;
    this.#from = campaign.start_ms;
    this.#budget = run.budgetMicros;
  }

  expected(at: number): number {
    const { end_ms } = this.#campaign;
    const until = Math.min(at, end_ms);
    if (until <= this.#from || this.isFrozen) return this.#base;
    const share = this.#weight(this.#from, until) / this.#weight(this.#from, end_ms);
    return Math.min(this.#budget, this.#base + (this.#budget - this.#base) * share);
  }

  change(at: number, budget: number): void {
    this.#base = this.expected(at);
    this.#from = Math.max(at, this.#campaign.start_ms);
    this.#budget = budget;
  }

  /** Paused by the advertiser: nothing more is expected until it goes on, and then all that is left until the end. */
  freeze(at: number): void {
    this.change(at, this.#budget);
    this.isFrozen = true;
  }

  thaw(at: number): void {
    this.isFrozen = false;
    this.#from = Math.max(at, this.#campaign.start_ms);
  }

  #weight(from: number, until: number): number {
    if (this.#campaign.mode !== 'TRAFFIC') return until - from;
    const { zone } = this.#run;
    let sum = 0;
    for (let at = Math.floor(from / hourMs) * hourMs; at < until; at += hourMs)
      sum += trafficAt(at + zone.offsetAt(at)) * (Math.min(until, at + hourMs) - Math.max(from, at));
    return sum;
  }
}

/** Truths of all campaigns, each worked out once. */
export class Truths {
  readonly #world: World;
  readonly #spent: Spent;
  readonly #known = new Map<string, Truth>();

  constructor(world: World, spent: Spent) {
    this.#world = world;
    this.#spent = spent;
  }

  of(campaign: SimulatedCampaign): Truth {
    const key = campaignKey(campaign);
    let truth = this.#known.get(key);
    if (truth === undefined) {
      truth = truthOf(this.#world, campaign, this.#spent);
      this.#known.set(key, truth);
    }
    return truth;
  }
}

export function hourAt({ fromMs, spent }: Truth, ms: number): number {
  return Math.max(0, Math.min(spent.length - 1, Math.floor((ms - fromMs) / hourMs) - 1));
}

/** Money that the order books for a day: over the length of the flight, which is near enough for a label. */
export function dayBudget({ campaign, budget }: Truth, hour: number): number {
  return (budget[hour] * dayMs) / (campaign.end_ms - campaign.start_ms);
}
