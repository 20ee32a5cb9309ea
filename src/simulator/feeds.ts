import { hourMs, minuteMs } from '../model/time.ts';
import type { CampaignRun } from './campaign-run.ts';
import { originOf } from './deliver.ts';
import type { Random } from './random.ts';
import type { Transport } from './transport.ts';
import type { SimulatedOrganization, World } from './world.ts';

/** Share of an hour that a cumulative feed knows at its first report. */
const firstReportShare = 0.9;

/** Share of reports that a feed sends again, hours later, unchanged. */
const againShare = 0.01;

/** Pull feeds: each hour of spend comes hours later, then the heartbeat that says "complete through". */
export class Feeds {
  readonly #world: World;
  readonly #random: Random;
  readonly #transport: Transport;
  readonly #runsOf = new Map<string, CampaignRun[]>();

  constructor(world: World, runs: readonly CampaignRun[], random: Random, transport: Transport) {
    this.#world = world;
    this.#random = random;
    this.#transport = transport;
    for (const run of runs) {
      if (run.campaign.spend_from !== 'feed') continue;
      const { org_id } = run.campaign;
      this.#runsOf.set(org_id, [...(this.#runsOf.get(org_id) ?? []), run]);
    }
  }

  /** Before the log: every feed is complete up to its start. */
  open(startMs: number): void {
    for (const organization of this.#world.organizations) {
      if (organization.feed !== null) this.#heartbeat(organization, organization.feed.source, startMs, startMs, 0);
    }
  }

  /** Called at each full minute, with what was delivered before it. */
  minute(minute: number): void {
    for (const organization of this.#world.organizations) {
      if (organization.delivery_heartbeats) {
        this.#heartbeat(organization, organization.delivery_source, minute, minute - minuteMs, 0);
      }
      if (organization.feed !== null && minute % hourMs === 0 && minute > this.#world.startMs) {
        this.#reportHour(organization, minute - hourMs);
      }
    }
  }

  #reportHour(organization: SimulatedOrganization, hour: number): void {
    const { feed } = organization;
    if (feed === null) return;
    const firstAt = this.#awake(
      organization,
      hour + hourMs + feed.lag_ms + Math.floor(this.#random.unit() * 5 * minuteMs),
    );
    const lastAt = feed.is_cumulative ? this.#awake(organization, firstAt + 30 * minuteMs) : firstAt;
    let count = 0;
    for (const run of this.#runsOf.get(organization.org_id) ?? []) {
      const amount = Math.round(run.hourNanos / 1_000);
      run.hourNanos = 0;
      if (amount === 0) continue;
      count += 1;
      if (feed.is_cumulative)
        this.#report(run, feed.source, hour, Math.floor(amount * firstReportShare), firstAt, true);
      this.#report(run, feed.source, hour, amount, lastAt, feed.is_cumulative);
    }
    this.#heartbeat(organization, feed.source, lastAt + minuteMs, hour + hourMs, count);
  }

  /** A silent feed sends all it owes when it comes back. */
  #awake(organization: SimulatedOrganization, at: number): number {
    const silence = this.#world.faults.find(
      (fault) =>
        fault.kind === 'feed_silent' &&
        fault.org_id === organization.org_id &&
        at >= fault.from_ms &&
        at < fault.until_ms,
    );
    return silence === undefined ? at : silence.until_ms + Math.floor((at - silence.from_ms) / 60);
  }

  #report(
    run: CampaignRun,
    source: string,
    hour: number,
    amount_micros: number,
    at: number,
    cumulative: boolean,
  ): void {
    const origin = { ...originOf(run, source, at), sent_at: at };
    const logTime = at + Math.floor(this.#random.unit() * minuteMs);
    const fields = {
      amount_micros,
      currency: run.campaign.currency,
      basis: 'MEDIA',
      period_start: hour,
      period_end: hour + hourMs,
      cumulative,
    };
    if (!this.#random.chance(againShare)) return this.#transport.sendAt(logTime, 'spend', origin, fields);
    const again = logTime + Math.floor(this.#random.between(1, 30) * hourMs);
    this.#transport.sendTwice(logTime, again, 'spend', origin, fields);
  }

  #heartbeat(organization: SimulatedOrganization, source: string, at: number, complete_through: number, count: number) {
    const origin = { org_id: organization.org_id, campaign_id: null, source, event_time: at };
    this.#transport.sendAt(at, 'source_heartbeat', origin, { complete_through, count });
  }
}
