import { createHash } from 'node:crypto';
import { defaultPlanOrg } from '../model/ids.ts';
import { dayMs, floorTo, hourMs } from '../model/time.ts';
import { canonicalJson } from '../rules/compile-plan.ts';
import type { Plan } from '../rules/plan.ts';
import type { CampaignRun } from './campaign-run.ts';
import { originOf } from './deliver.ts';
import { unreportedFrom } from './feed-habits.ts';
import type { ProducedRecord } from './produced-record.ts';
import type { Transport } from './transport.ts';

/** Money is taken back to this far before the log; its lateness is 32 days. */
const openingReachMs = 30 * dayMs;
/** Impressions may be 72 h late; two days of hourly totals stay clear of that. */
const hourlyReachMs = 48 * hourMs;
/** No feed owes more. */
const owedMs = 7 * dayMs;

/** The plan records that stand first: those of organizations in their partition, `_default` in each. */
export function planRecords(plans: readonly Plan[], logTimeMs: number, partitions: number): ProducedRecord[] {
  return plans.flatMap((plan): ProducedRecord[] => {
    const value = {
      org_id: plan.org_id,
      number: plan.number,
      hash: planHash(plan),
      body: canonicalJson(plan),
    };
    if (plan.org_id !== defaultPlanOrg) return [{ type: 'org_plan', key: plan.org_id, logTimeMs, value }];
    return Array.from({ length: partitions }, (_, partition) => ({
      type: 'org_plan',
      key: null,
      partition,
      logTimeMs,
      value,
    }));
  });
}

/** Hash of what the plan says, its number apart: what "paceline apply" compares to see a change. */
function planHash(plan: Plan): string {
  const { number, ...said } = plan;
  return createHash('sha256').update(canonicalJson(said)).digest('hex');
}

/** Tells the log what was so before it began: the flight, its budget, and what was spent on it. */
export function openCampaign(run: CampaignRun, startMs: number, transport: Transport): void {
  const { campaign } = run;
  const at = Math.min(startMs, Math.max(campaign.start_ms - dayMs, startMs - openingReachMs));
  const origin = { ...originOf(run, 'console', at), sent_at: startMs };
  transport.sendAt(startMs, 'flight_changed', origin, {
    start_local: campaign.start_day,
    end_local: campaign.end_day,
    tz: campaign.zone,
    mode: campaign.mode,
    curve_id: campaign.mode === 'TRAFFIC' ? 'traffic' : null,
    rebase: 'ON_PLAN',
    effective_at: at,
    ledger_version: 1,
  });
  transport.sendAt(startMs, 'budget_changed', origin, {
    budget_micros: campaign.budget_micros,
    daily_cap_micros: campaign.daily_cap_micros,
    currency: campaign.currency,
    effective_at: at,
    actor: 'planner',
    ledger_version: 1,
  });
  transport.sendAt(startMs, 'status_changed', origin, { status: 'ACTIVE', cause: 'ADVERTISER', effective_at: at });
  openSpend(run, startMs, transport);
}

/** Earlier spend: by day as money, the last two days by hour, so that run rates are true at once. */
function openSpend(run: CampaignRun, startMs: number, transport: Transport): void {
  const { campaign, zone } = run;
  const isDelivering = campaign.pace > 0;
  if (campaign.start_ms >= startMs || !isDelivering) return;
  const hourlyFrom = zone.dayStart(zone.localDay(startMs - hourlyReachMs) + 1);
  for (let day = campaign.start_day; zone.dayStart(day) < startMs; day++) {
    const from = zone.dayStart(day);
    const until = Math.min(startMs, zone.dayStart(day + 1));
    if (from < startMs - openingReachMs) continue;
    if (from < hourlyFrom) bookDay(run, startMs, transport, from, until);
    else
      for (let at = from; at < until; at += hourMs) bookHour(run, startMs, transport, at, Math.min(until, at + hourMs));
  }
  run.replan(startMs);
}

function bookDay(run: CampaignRun, startMs: number, transport: Transport, from: number, until: number): void {
  const micros = openingMicros(run, from, until);
  if (run.campaign.spend_from === 'feed') return bookFeed(run, startMs, transport, from, until, micros);
  const origin = { ...originOf(run, 'finance', from), sent_at: startMs };
  transport.sendAt(startMs, 'spend_adjustment', origin, {
    delta_micros: micros,
    currency: run.campaign.currency,
    reason: 'CORRECTION',
    applies_to: run.zone.localDay(from),
  });
}

function bookHour(run: CampaignRun, startMs: number, transport: Transport, from: number, until: number): void {
  const { campaign, organization } = run;
  const micros = openingMicros(run, from, until);
  if (campaign.spend_from === 'feed') bookFeed(run, startMs, transport, from, until, micros);
  if (micros === 0 || campaign.is_counted_by_feed) return;
  // Also where a feed tells the spend: the ad server saw the impressions all the same.
  const origin = { ...originOf(run, organization.delivery_source, floorTo((from + until) / 2, 1)), sent_at: startMs };
  transport.sendAt(startMs, 'impression', origin, {
    currency: campaign.currency,
    cpm_micros: campaign.cpm_micros,
    cost_micros: 0,
    basis: 'MEDIA',
    ivt: 'NONE',
    batch_count: Math.max(1, Math.round((micros * 1_000) / campaign.cpm_micros)),
  });
}

function bookFeed(
  run: CampaignRun,
  startMs: number,
  transport: Transport,
  from: number,
  until: number,
  amount_micros: number,
): void {
  const { campaign, organization, zone } = run;
  if (amount_micros === 0) return;
  // What a feed has not told yet, or tells again with the rest of its day.
  const isRecent = from >= startMs - owedMs;
  if (isRecent) run.earlier.push({ from, until, micros: amount_micros, impressions: 0, clicks: 0 });
  for (const feed of organization.feeds) {
    if (from >= unreportedFrom(feed, zone, startMs)) continue;
    transport.sendAt(
      startMs,
      'spend',
      { ...originOf(run, feed.source, from), sent_at: startMs },
      {
        amount_micros: Math.floor(amount_micros * feed.share),
        currency: campaign.currency,
        basis: 'MEDIA',
        period_start: from,
        period_end: until,
        cumulative: false,
      },
    );
  }
}

function openingMicros(run: CampaignRun, from: number, until: number): number {
  const micros = Math.round(run.plannedMicros(from, until) * run.campaign.opening_pace);
  run.spentMicros += micros;
  return micros;
}
