import { hourMs, minuteMs } from '../model/time.ts';
import { findZone, utc, type Zone } from '../model/zones.ts';
import type { CampaignRun } from './campaign-run.ts';
import { originOf } from './deliver.ts';
import { FeedBook, type FeedPart } from './feed-book.ts';
import { habitFacts, unreportedFrom } from './feed-habits.ts';
import type { Random } from './random.ts';
import type { Transport } from './transport.ts';
import { campaignKey, type SimulatedFeed, type SimulatedOrganization, type World } from './world.ts';

/** Share of an hour that a feed knows at its first and second report, where it does not know all at once. */
const partShares = [0.9, 0.97] as const;
/** Share of reports that a feed sends again, hours later, unchanged. */
const againShare = 0.01;
/** What a day keeps when invalid traffic is out. */
const restatedShare = 0.985;

/** Totals of a campaign and period, as a feed of one of the habits says them. */
interface Told {
  readonly run: CampaignRun;
  readonly feed: SimulatedFeed;
  readonly part: FeedPart;
  readonly share?: number;
  /** Log time, and when the source was asked. */
  readonly at: number;
  readonly asOf: number;
}

/** Pull feeds: what was spent comes hours or days later, then the heartbeat that says "complete through". */
export class Feeds {
  readonly #world: World;
  readonly #random: Random;
  readonly #transport: Transport;
  readonly #runsOf = new Map<string, CampaignRun[]>();
  /** By campaign and source. */
  readonly #books = new Map<string, FeedBook>();
  /** Ends of the last hours of each organization, by its own clock; the newest last. */
  readonly #cutsOf = new Map<string, number[]>();
  #polls = 0;

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

  /** Before the log: every feed is complete up to what it owes, which it sends as it always does. */
  open(startMs: number): void {
    for (const organization of this.#world.organizations) {
      const zone = zoneOf(organization);
      this.#cutsOf.set(organization.org_id, [startMs]);
      for (const run of this.#runs(organization)) for (const part of run.earlier) this.#note(run, part);
      for (const feed of organization.feeds) {
        const known = unreportedFrom(feed, zone, startMs);
        this.#heartbeat(organization, feed.source, startMs, known, 0);
        for (let day = zone.localDay(known); zone.dayStart(day + 1) <= startMs; day++) {
          if (habitFacts[feed.habit].isDaily) this.#closeDay(organization, feed, zone, day);
        }
      }
    }
  }

  /** Called at each full minute, with what was delivered before it. */
  minute(minute: number): void {
    for (const organization of this.#world.organizations) {
      if (organization.delivery_heartbeats) {
        this.#heartbeat(organization, organization.delivery_source, minute, minute - minuteMs, 0);
      }
      if (organization.feeds.length === 0 || minute <= this.#world.startMs) continue;
      const zone = zoneOf(organization);
      if ((minute + zone.offsetAt(minute)) % hourMs === 0) this.#cut(organization, zone, minute);
    }
  }

  /** An hour of the organization's clock is over. */
  #cut(organization: SimulatedOrganization, zone: Zone, until: number): void {
    const cuts = [...(this.#cutsOf.get(organization.org_id) ?? []), until].slice(-4);
    this.#cutsOf.set(organization.org_id, cuts);
    const from = cuts[cuts.length - 2];
    for (const run of this.#runs(organization)) this.#note(run, { ...run.takeHour(), from, until });
    for (const feed of organization.feeds) {
      this.#reportHour(organization, feed, zone, cuts);
      const day = zone.localDay(from);
      if (zone.localDay(until) === day) continue;
      if (feed.habit === 'day_so_far' || feed.habit === 'hours_then_day' || habitFacts[feed.habit].isDaily)
        this.#closeDay(organization, feed, zone, day);
    }
  }

  #reportHour(organization: SimulatedOrganization, feed: SimulatedFeed, zone: Zone, cuts: readonly number[]): void {
    const [from, until] = cuts.slice(-2);
    const at = this.#awake(organization, until + feed.lag_ms + Math.floor(this.#random.unit() * 5 * minuteMs));
    const hour = (run: CampaignRun) => this.#book(run, feed).between(from, until);
    switch (feed.habit) {
      case 'hours':
        this.#eachRun(organization, (run) => this.#addition(run, feed, hour(run), at));
        return this.#heartbeat(organization, feed.source, at + minuteMs, until, 1);
      case 'hours_in_part': {
        const again = this.#awake(organization, at + 30 * minuteMs);
        this.#eachRun(organization, (run) => {
          this.#total(run, feed, hour(run), partShares[0], at);
          this.#total(run, feed, hour(run), 1, again);
        });
        return this.#heartbeat(organization, feed.source, again + minuteMs, until, 1);
      }
      case 'day_so_far': {
        const day = zone.localDay(from);
        this.#eachRun(organization, (run) =>
          this.#report({ run, feed, part: this.#book(run, feed).ofDay(zone, day), at, asOf: until }),
        );
        return this.#heartbeat(organization, feed.source, at + minuteMs, until, 1);
      }
      case 'hours_then_day': {
        // The newest hours are told again while they grow, and are not complete.
        for (const [back, share] of [partShares[0], partShares[1], 1].entries()) {
          const [start, end] = cuts.slice(-2 - back);
          if (end === undefined || cuts.length < back + 2) continue;
          this.#eachRun(organization, (run) => {
            const part = this.#book(run, feed).between(start, end);
            this.#report({ run, feed, part, share, at, asOf: at });
          });
        }
        if (cuts.length > 3) this.#heartbeat(organization, feed.source, at + minuteMs, cuts[cuts.length - 3], 1);
        return;
      }
      case 'days':
      case 'days_late':
        return;
    }
  }

  /** A local day is over: it is told as one report, and again when what was invalid is out of it. */
  #closeDay(organization: SimulatedOrganization, feed: SimulatedFeed, zone: Zone, day: number): void {
    const end = zone.dayStart(day + 1);
    const lag = habitFacts[feed.habit].isDaily ? feed.lag_ms : 3 * hourMs + feed.lag_ms;
    const at = this.#awake(organization, end + lag + Math.floor(this.#random.unit() * 10 * minuteMs));
    this.#eachRun(organization, (run) => {
      const part = this.#book(run, feed).ofDay(zone, day);
      this.#report({ run, feed, part, at, asOf: at });
      const again = zone.dayStart(day + 1 + this.#random.integer(1, 3)) + lag;
      if (again > at) this.#report({ run, feed, part, share: restatedShare, at: again, asOf: again });
    });
    if (habitFacts[feed.habit].isDaily) this.#heartbeat(organization, feed.source, at + minuteMs, end, 1);
  }

  /** A silent feed sends all it owes when it comes back, an hour's worth in a minute, and what comes meanwhile behind it. */
  #awake(organization: SimulatedOrganization, at: number): number {
    const silence = this.#world.faults.find(
      (fault) =>
        fault.kind === 'feed_silent' &&
        fault.org_id === organization.org_id &&
        at >= fault.from_ms &&
        at < (60 * fault.until_ms - fault.from_ms) / 59,
    );
    return silence === undefined ? at : silence.until_ms + Math.floor((at - silence.from_ms) / 60);
  }

  #addition(run: CampaignRun, feed: SimulatedFeed, part: FeedPart, at: number): void {
    this.#spend(run, feed, part, part.micros, at, false);
  }

  #total(run: CampaignRun, feed: SimulatedFeed, part: FeedPart, share: number, at: number): void {
    this.#spend(run, feed, part, Math.floor(part.micros * share), at, true);
  }

  #spend(run: CampaignRun, feed: SimulatedFeed, part: FeedPart, amount: number, at: number, cumulative: boolean): void {
    if (part.micros === 0) return;
    const period = { period_start: part.from, period_end: part.until };
    const money = { amount_micros: amount, currency: run.campaign.currency, basis: 'MEDIA' };
    this.#send('spend', run, feed, at, { ...money, ...period, cumulative });
  }

  #report({ run, feed, part, share = 1, at, asOf }: Told): void {
    if (part.micros === 0) return;
    const { campaign } = run;
    const clicks = Math.floor(part.clicks * share);
    const counts = { impressions: Math.floor(part.impressions * share), clicks };
    this.#polls += 1;
    this.#send('performance_report', run, feed, at, {
      period_start: part.from,
      period_end: part.until,
      as_of: asOf,
      source_seq: this.#polls,
      counts: campaign.is_counted_by_feed ? counts : {},
      currency: campaign.currency,
      spend_micros: Math.floor(part.micros * share),
      basis: 'MEDIA',
      conversions_by_touch: campaign.is_counted_by_feed ? Math.round(clicks * campaign.cvr * 100) / 100 : null,
    });
  }

  #send(type: 'spend' | 'performance_report', run: CampaignRun, feed: SimulatedFeed, at: number, fields: object): void {
    const origin = { ...originOf(run, feed.source, at), sent_at: at };
    const logTime = at + Math.floor(this.#random.unit() * minuteMs);
    if (!this.#random.chance(againShare)) return this.#transport.sendAt(logTime, type, origin, { ...fields });
    const again = logTime + Math.floor(this.#random.between(1, 30) * hourMs);
    this.#transport.sendTwice(logTime, again, type, origin, { ...fields });
  }

  #heartbeat(organization: SimulatedOrganization, source: string, at: number, complete_through: number, count: number) {
    const origin = { org_id: organization.org_id, campaign_id: null, source, event_time: at };
    this.#transport.sendAt(at, 'source_heartbeat', origin, { complete_through, count });
  }

  #runs(organization: SimulatedOrganization): readonly CampaignRun[] {
    return this.#runsOf.get(organization.org_id) ?? [];
  }

  #eachRun(organization: SimulatedOrganization, tell: (run: CampaignRun) => void): void {
    for (const run of this.#runs(organization)) tell(run);
  }

  /** Every feed of the campaign has its share of what was delivered. */
  #note(run: CampaignRun, part: FeedPart): void {
    for (const feed of run.organization.feeds) {
      const of = (amount: number) => Math.floor(amount * feed.share);
      const { micros, impressions, clicks } = part;
      this.#book(run, feed).add({
        ...part,
        micros: of(micros),
        impressions: of(impressions),
        clicks: of(clicks),
      });
    }
  }

  #book(run: CampaignRun, feed: SimulatedFeed): FeedBook {
    const key = `${campaignKey(run.campaign)}/${feed.source}`;
    let book = this.#books.get(key);
    if (book === undefined) {
      book = new FeedBook();
      this.#books.set(key, book);
    }
    return book;
  }
}

function zoneOf({ zone }: SimulatedOrganization): Zone {
  return findZone(zone) ?? utc;
}
