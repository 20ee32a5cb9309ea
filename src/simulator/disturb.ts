import { dayMs, hourMs, minuteMs } from '../model/time.ts';
import type { CampaignRun } from './campaign-run.ts';
import { type Delivery, originOf } from './deliver.ts';
import type { Random } from './random.ts';
import type { Transport } from './transport.ts';
import { type Churn, campaignKey } from './world.ts';

/** The past that comes back: corrections, conversions of earlier touches, and what is far too late. */
export class Disturbances {
  readonly #random: Random;
  readonly #transport: Transport;
  readonly #delivery: Delivery;
  readonly #churn: Churn;

  constructor(random: Random, transport: Transport, delivery: Delivery, churn: Churn) {
    this.#random = random;
    this.#transport = transport;
    this.#delivery = delivery;
    this.#churn = churn;
  }

  minute(run: CampaignRun, minute: number, campaigns: number): void {
    this.#hold(run, minute);
    if (minute < run.campaign.start_ms || run.campaign.pace === 0) return;
    const perMinute = minuteMs / dayMs;
    const u = this.#random.unit() / perMinute;
    const { corrections, beyond_lateness_per_day } = this.#churn;
    const beyond = beyond_lateness_per_day / campaigns;
    if (u < corrections) this.#correct(run, minute);
    else if (u < corrections + beyond) this.#comeTooLate(run, minute);
    else if (u < corrections + beyond + 0.5) this.#convertOldTouch(run, minute);
  }

  /** A late burst: what happens meanwhile is sent together when the fault ends. */
  #hold(run: CampaignRun, minute: number): void {
    const key = campaignKey(run.campaign);
    for (const fault of run.faults) {
      if (fault.kind !== 'late_burst') continue;
      if (minute === fault.from_ms) this.#transport.heldUntil.set(key, fault.until_ms);
      if (minute === fault.until_ms) this.#transport.heldUntil.delete(key);
    }
  }

  /** Invalid traffic of one of the last three days: minus 2 % of its money, or of its counters. */
  #correct(run: CampaignRun, at: number): void {
    const random = this.#random;
    const applies_to = run.zone.localDay(at) - random.integer(1, 3);
    const dayMicros = run.budgetMicros / (run.endDay - run.campaign.start_day + 1);
    const share = Math.max(0.001, 0.02 + 0.01 * random.normal());
    if (random.chance(0.5)) {
      this.#transport.send('spend_adjustment', originOf(run, 'finance', at), {
        delta_micros: -Math.round(dayMicros * share),
        currency: run.campaign.currency,
        reason: random.pick(['IVT', 'CREDIT', 'MAKEGOOD', 'CORRECTION']),
        applies_to,
      });
      return;
    }
    const impressions = Math.max(1, Math.round((dayMicros / run.campaign.cpm_micros) * 1_000 * share));
    const deltas = new Map([
      ['impressions', -impressions],
      ['invalid_impressions', impressions],
      ['clicks', -random.integer(0, 2)],
    ]);
    this.#transport.send('metric_correction', originOf(run, 'verifier', at), {
      applies_to,
      deltas: Object.fromEntries(deltas),
      reason: 'IVT',
    });
  }

  /** Delivery older than 72 hours, or money older than 32 days. */
  #comeTooLate(run: CampaignRun, at: number): void {
    const random = this.#random;
    const { campaign, organization } = run;
    if (random.chance(0.7)) {
      const event_time = at - Math.floor(random.between(72.5, 120) * hourMs);
      const origin = { ...originOf(run, organization.delivery_source, event_time), sent_at: at };
      this.#transport.sendAt(at, 'click', origin, { currency: campaign.currency, cost_micros: 1_234, ivt: 'NONE' });
      return;
    }
    const period_start = Math.floor((at - random.between(33, 50) * dayMs) / hourMs) * hourMs;
    const source = organization.feeds[0]?.source ?? 'finance';
    this.#transport.sendAt(at, 'spend', originOf(run, source, at), {
      amount_micros: random.integer(1, 5_000_000),
      currency: campaign.currency,
      basis: 'MEDIA',
      period_start,
      period_end: period_start + hourMs,
      cumulative: false,
    });
  }

  /** A conversion whose touch lies before the log, often enough: most delays are days long. */
  #convertOldTouch(run: CampaignRun, at: number): void {
    if (run.isUnder('tracking_cut', at)) return;
    const touch = at - Math.floor(Math.min(30 * dayMs, this.#random.exponential(6 * dayMs)));
    if (touch < run.campaign.start_ms) return;
    if (!run.organization.converts_late) return this.#delivery.conversion(run, touch, at);
    const happened = touch + Math.floor(this.#random.unit() * (at - touch));
    this.#delivery.conversion(run, touch, happened, at);
  }
}
