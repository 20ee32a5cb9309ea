import type { EventKind } from '../../src/events/kinds.ts';

const at = Date.UTC(2026, 2, 2, 9);
const day = Date.UTC(2026, 2, 2) / 86_400_000;
const hour = 3_600_000;

/** The envelope of example `number`: one campaign of one organization on one Monday morning. */
function envelope(number: number, source = 'adserver') {
  const event_id = `018f3a5c7e00${number.toString(16).padStart(4, '7000')}8000000000000001`;
  return { event_id, org_id: 'acme', campaign_id: 'spring-sale', event_time: at, source };
}

/** One worked example a kind: fields in the schema's order, what is absent takes its default. */
export const examples: Readonly<Record<EventKind, Readonly<Record<string, unknown>>>> = {
  impression: { ...envelope(1), currency: 'EUR', cpm_micros: 4_500_000, measurable: true, viewable: true },
  click: { ...envelope(2), currency: 'EUR', cost_micros: 350_000, click_id: 'k-1' },
  video_progress: { ...envelope(3), event: 'MIDPOINT' },
  conversion: {
    ...envelope(4),
    currency: 'EUR',
    conversion_time: at,
    touch_time: at - 2 * hour,
    weight: 0.5,
    revenue_micros: 59_900_000,
    conversion_type: 'purchase',
  },
  spend: {
    ...envelope(5, 'dsp'),
    currency: 'EUR',
    amount_micros: 12_340_000,
    basis: 'TOTAL',
    period_start: at - 2 * hour,
    period_end: at - hour,
  },
  performance_report: {
    ...envelope(14, 'ads-api'),
    period_start: at - 9 * hour,
    period_end: at + 15 * hour,
    as_of: at,
    counts: { impressions: 18_200, clicks: 96 },
    currency: 'EUR',
    spend_micros: 84_100_000,
    conversions_by_touch: 2.5,
    conversions_by_touch_of: { 'purchase/CLICK': 1_500_000, 'sign-up/VIEW': 1_000_000 },
    produced_at: at + 60_000,
  },
  spend_adjustment: {
    ...envelope(6, 'dsp'),
    currency: 'EUR',
    delta_micros: -1_250_000,
    applies_to: day,
    reason: 'IVT',
  },
  metric_correction: {
    ...envelope(7),
    applies_to: day,
    deltas: { impressions: -120, invalid_impressions: 120 },
    reason: 'filtered afterwards',
  },
  budget_changed: {
    ...envelope(8, 'planner'),
    currency: 'EUR',
    flight_id: 'spring-1',
    budget_micros: 10_000_000_000,
    daily_cap_micros: 500_000_000,
    effective_at: at,
    ledger_version: 1,
    actor: 'kim',
  },
  flight_changed: {
    ...envelope(9, 'planner'),
    flight_id: 'spring-1',
    start_local: day,
    end_local: day + 29,
    tz: 'Europe/Berlin',
    mode: 'TRAFFIC',
    curve_id: 'daytime',
    effective_at: at,
    ledger_version: 1,
  },
  status_changed: { ...envelope(10, 'planner'), status: 'PAUSED', cause: 'ADVERTISER', effective_at: at },
  creative_status: { ...envelope(11), creative_id: 'banner-7', status: 'disapproved', policy_code: 'ALCOHOL' },
  auction_stats: { ...envelope(12), minute: at, requests: 5_120, bids: 4_800, wins: 310 },
  source_heartbeat: { ...envelope(13, 'dsp'), campaign_id: null, complete_through: at - hour, count: 24 },
};

/** What each kind is for, beside the doc of its schema. */
export const uses: Readonly<Record<EventKind, string>> = {
  impression:
    'Its cost is `cost_micros` + `cpm_micros` · `batch_count` / 1000. It is spend only where the plan takes spend from impressions, from this source, with this basis.',
  click: 'Its cost is spend where the plan takes spend from impressions of this source.',
  video_progress: 'Counted by quartile.',
  conversion:
    'Counted on the day it happened and on the day of its touch; by `conversion_type` (32 names of 64 characters a campaign are told apart) and `attribution` in the table `conversions_daily`. To take one back, send it again with `reversal` true and an `event_id` of its own.',
  spend:
    'It is spend where the plan takes spend from this feed, with this basis; else it is only kept in bronze. It is spread evenly over its period, or over the part of it that it knows of (`as_of`). An addition adds up with all others. A total (`cumulative`) says all there was: of one period the newest counts (by `source_seq`, else `produced_at`, else `event_time`), a longer one counts in place of totals and additions inside it, and one that overlaps another without holding it is a dead letter `overlapping_report`. Every report has an `event_id` of its own, also when it says what one before it said.',
  performance_report:
    'One a campaign, period and source, sent again whenever the source knows more: it counts in place of the one before, under the rules of a `spend` that is `cumulative`. What it does not name it knows nothing of. Conversions and revenue are those of the whole source; send either these or `conversion` events, either `counts` or events, or they count twice. `conversions_by_touch_of` and `conversions_by_conversion_of` tell them apart in `conversions_daily`: TYPE/CLICK, TYPE/VIEW or TYPE/NONE in millionths.',
  spend_adjustment:
    'Always counts, whatever the plan takes spend from. With reason `OPENING_BALANCE` it is what was spent before the engine knew the campaign, on any day of the last 1,100.',
  metric_correction:
    'Counters: impressions, invalid_impressions, measurable_impressions, viewable_impressions, clicks, invalid_clicks, video_starts, video_first_quartiles, video_midpoints, video_third_quartiles, video_completes, auction_requests, auction_bids, auction_wins.',
  budget_changed: 'The whole budget, not a difference. `ledger_version` rises by flight; an older one is dropped.',
  flight_changed:
    'Dates are inclusive local days of `tz`. Flights of one campaign may not share a day; a flight has at most 1,100 days, a campaign at most 128 flights at a time. Each record says all of it anew, `rollover` too: one without it means `NONE`. What a flight with `rollover` leaves unspent when it is over is in the budget of another flight of the campaign with the same goal, from its start on, and moves with late reports and credits ([rules](rules.md#what-is-left-unspent)).',
  status_changed:
    'While the advertiser has paused a campaign, its flights owe nothing. Other causes stop delivery, not expectation.',
  creative_status:
    'Remembered while a rule asks (`e.creative_…` of docs/rules.md); `disapproved` and `rejected`, in any case, are what must not run.',
  auction_stats: 'One record a minute is enough; counts add up by day.',
  source_heartbeat:
    'Send one after everything before `complete_through` was sent, also when there was nothing. A source whose plan says `heartbeats: true` is complete only as far as this; without it windows stay unknown. It has no campaign.',
};
