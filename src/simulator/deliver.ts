import { costBases, quartiles } from '../events/event-batch.ts';
import { dayMs, floorTo, hourMs, minuteMs, secondMs } from '../model/time.ts';
import type { CampaignRun } from './campaign-run.ts';
import type { Random } from './random.ts';
import type { Origin, Transport } from './transport.ts';

const recordsPerMinuteMax = 2_000;
const clicksPerRecordMax = 3;
/** Share of impressions that apps report where there are apps, and of those from a device whose clock is ahead. */
const appShare = 0.3;
const wrongClocks = 0.2;
/** Share of clicks whose price a producer booked in the currency of its own books. */
const foreignCurrency = 0.0003;

/** What an ad server sees in one minute of one campaign: impressions and all that follows from them. */
export class Delivery {
  readonly #random: Random;
  readonly #transport: Transport;
  readonly #invalid: number;

  constructor(random: Random, transport: Transport, invalidShare: number) {
    this.#random = random;
    this.#transport = transport;
    this.#invalid = invalidShare;
  }

  minute(run: CampaignRun, minute: number): void {
    const { campaign } = run;
    const microsPerRecord = (campaign.cpm_micros * campaign.batch_count) / 1_000;
    const records = this.#random.poisson(run.wantedMicros(minute) / microsPerRecord);
    for (let i = Math.min(records, recordsPerMinuteMax); i > 0; i--) {
      this.#impression(run, minute + Math.floor(this.#random.unit() * minuteMs));
    }
    const isTurnOfFive = minute % (5 * minuteMs) === 0;
    if (isTurnOfFive && campaign.has_video && records > 0) this.#auctions(run, minute, records * campaign.batch_count);
  }

  #impression(run: CampaignRun, at: number): void {
    const { campaign } = run;
    const random = this.#random;
    const batch_count = Math.max(1, Math.round(campaign.batch_count * random.between(0.8, 1.2)));
    // Mean 1; the odd last digits make CPM sums that no float could hold.
    const cpm_micros = Math.round(campaign.cpm_micros * random.logNormal(-0.02, 0.2));
    const isInvalid = random.chance(this.#invalid);
    const isMedia = random.chance(0.99);
    const isMeasurable = random.chance(0.9);
    if (campaign.is_counted_by_feed) {
      run.spend(cpm_micros * batch_count);
      run.count(batch_count, random.poisson(batch_count * campaign.ctr));
      return;
    }
    this.#transport.send('impression', this.#origin(run, at), {
      creative_id: `${campaign.campaign_id}-c${random.integer(1, 3)}`,
      currency: campaign.currency,
      cpm_micros,
      cost_micros: random.chance(0.02) ? random.integer(1, 999) : 0,
      basis: isMedia ? 'MEDIA' : random.pick(costBases),
      measurable: isMeasurable,
      viewable: isMeasurable && random.chance(campaign.viewability),
      ivt: isInvalid ? random.pick(['GIVT', 'SIVT']) : 'NONE',
      batch_count,
      device: random.pick(['phone', 'tablet', 'desktop', 'tv']),
      geo: campaign.zone.slice(0, campaign.zone.indexOf('/')),
    });
    if (isInvalid) return;
    if (isMedia) run.spend(cpm_micros * batch_count);
    if (campaign.has_video) this.#video(run, at);
    const clicks = Math.min(clicksPerRecordMax, random.poisson(batch_count * campaign.ctr));
    for (let i = 0; i < clicks; i++) this.#click(run, at + Math.floor(random.exponential(20 * secondMs)));
  }

  /** The ad server, or an app whose device may live hours ahead of the world. */
  #origin(run: CampaignRun, at: number): Origin {
    const { app, delivery_source } = run.organization;
    if (app === null || !this.#random.chance(appShare)) return originOf(run, delivery_source, at);
    if (!this.#random.chance(wrongClocks)) return { ...originOf(run, app, at), sent_at: at };
    const ahead = this.#random.pick([90 * secondMs, 10 * minuteMs, hourMs, 20 * hourMs]) * this.#random.unit();
    return { ...originOf(run, app, Math.floor(at + ahead)), sent_at: at };
  }

  #video(run: CampaignRun, at: number): void {
    let watchedTo = at;
    for (const event of quartiles) {
      if (!this.#random.chance(event === 'START' ? 0.3 : 0.8)) return;
      this.#transport.send('video_progress', originOf(run, run.organization.delivery_source, watchedTo), { event });
      watchedTo += 7 * secondMs;
    }
  }

  #click(run: CampaignRun, at: number): void {
    const { campaign, organization } = run;
    const random = this.#random;
    const isInvalid = random.chance(this.#invalid * 2);
    this.#transport.send('click', originOf(run, organization.delivery_source, at), {
      cost_micros: random.chance(0.1) ? random.integer(1, 9_999) : 0,
      currency: random.chance(foreignCurrency) ? 'CHF' : campaign.currency,
      ivt: isInvalid ? 'GIVT' : 'NONE',
    });
    if (isInvalid || !random.chance(campaign.cvr) || run.isUnder('tracking_cut', at)) return;
    this.conversion(run, at, at + this.#conversionDelay());
  }

  /** One conversion, told when it happens or later; three in a hundred are taken back within a day. */
  conversion(run: CampaignRun, touch: number, at: number, told = at): void {
    const random = this.#random;
    const fields = {
      conversion_id: `o-${random.integer(1, 2_000_000_000)}`,
      conversion_type: random.pick(['purchase', 'signup']),
      conversion_time: at,
      touch_time: random.chance(0.9) ? touch : null,
      attribution: random.chance(0.85) ? 'CLICK' : 'VIEW',
      window_days: 30,
      weight: random.chance(0.9) ? 1 : random.integer(1, 999_999) / 1_000_000,
      revenue_micros: random.chance(0.7) ? run.campaign.order_micros + random.integer(0, 999_999) : 0,
      currency: run.campaign.currency,
    };
    const source = run.organization.delivery_source;
    this.#transport.send('conversion', { ...originOf(run, source, at), sent_at: told }, { ...fields, reversal: false });
    if (!random.chance(0.03)) return;
    const reversedAt = told + Math.floor(random.between(1, 24) * hourMs);
    this.#transport.send('conversion', originOf(run, source, reversedAt), { ...fields, reversal: true });
  }

  /** 0.345 Exp(15 min) + 0.12 Exp(12 h) + 0.535 Exp(11 d), at most 30 d: fitted to Chapelle, KDD 2014. */
  #conversionDelay(): number {
    const u = this.#random.unit();
    const mean = u < 0.345 ? 15 * minuteMs : u < 0.465 ? 12 * hourMs : 11 * dayMs;
    return Math.floor(Math.min(30 * dayMs, this.#random.exponential(mean)));
  }

  #auctions(run: CampaignRun, minute: number, wins: number): void {
    const bids = Math.round(wins / 0.2378); // iPinYou's win rate.
    this.#transport.send(
      'auction_stats',
      { ...originOf(run, run.organization.delivery_source, minute), sent_at: minute + minuteMs },
      { minute: floorTo(minute, minuteMs), requests: bids * 4, bids, wins },
    );
  }
}

export function originOf(run: CampaignRun, source: string, at: number): Origin {
  const { org_id, campaign_id, flight_id, advertiser_id } = run.campaign;
  return { org_id, campaign_id, flight_id, advertiser_id, source, event_time: at };
}
