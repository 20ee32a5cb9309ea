import * as z from 'zod';
import { campaignMetricsDaily } from '../../rows/tables.ts';
import { answerOf } from './answers.ts';
import { decimal, micros, type RawRow, rowJson, rowShape } from './columns.ts';
import { days, daysOf, id, paging } from './fields.ts';
import { operation } from './operation.ts';
import { type List, pageOf, positionOf } from './pages.ts';

const daysMax = 92;
const count = z.number().int();

const campaign = z
  .strictObject({
    campaign_id: id.describe('The campaign.'),
    currency: z.string().describe('ISO-4217 of every money member; empty where no money was seen.'),
    days: count.describe('Local days of the period with a row.'),
    impressions: count.describe('Impressions, counted.'),
    clicks: count.describe('Clicks, counted.'),
    conversions_by_touch: decimal.describe('Conversions by the day of their touch, with their fractions.'),
    spend_micros: micros.describe('Spend.'),
    revenue_by_touch_micros: micros.describe('Revenue of conversions by the day of their touch.'),
  })
  .meta({ title: 'Campaign' });

export const listCampaigns = operation({
  doc: 'Campaigns with what they delivered and spent on the local days of a period, the one that spent most first. A campaign whose days have two currencies is there once for each.',
  input: z.strictObject({ ...days, ...paging }),
  output: z.array(campaign),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 5,
  async run(context, input) {
    const { limit, cursor } = input;
    const { from, to } = daysOf(input, context.ports.now(), daysMax);
    // The default period moves on at midnight, and a list that was begun goes on with its own.
    const list: List = { name: 'campaigns', args: [input.from, input.to], width: 3 };
    const position = positionOf(context, list, cursor);
    const [spend = '0', after = '', currency = ''] = position ?? [];
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT campaign_id, currency, count() AS days, sum(d.impressions) AS impressions, sum(d.clicks) AS clicks,
  toString(sum(d.conversions_by_touch)) AS conversions, sum(d.spend_micros) AS spend,
  sum(d.revenue_by_touch_micros) AS revenue, max(d.version) AS version
FROM campaign_metrics_daily AS d FINAL
WHERE org_id = {org:String} AND date BETWEEN {from:Date32} AND {to:Date32}
GROUP BY campaign_id, currency
HAVING {is_first:UInt8} = 1 OR (-spend, campaign_id, currency) > (-{spend:Int64}, {after:String}, {currency:String})
ORDER BY -spend, campaign_id, currency LIMIT {limit:UInt32}`,
      parameters: { from, to, is_first: position === null ? 1 : 0, spend, after, currency, limit: limit + 1 },
    });
    const { shown, nextCursor } = pageOf(context, list, rows, {
      limit,
      keyOf: (row) => [String(row.spend), String(row.campaign_id), String(row.currency)],
    });
    const data = shown.map((row) => ({
      campaign_id: String(row.campaign_id),
      currency: String(row.currency),
      days: Number(row.days),
      impressions: Number(row.impressions),
      clicks: Number(row.clicks),
      conversions_by_touch: String(row.conversions),
      spend_micros: String(row.spend),
      revenue_by_touch_micros: String(row.revenue),
    }));
    return answerOf(data, shown, nextCursor);
  },
});

const dayColumns = campaignMetricsDaily.columns
  .map(({ name }) => name)
  .filter((name) => name !== 'org_id' && name !== 'campaign_id' && name !== 'partition');
const day = z.strictObject(rowShape(campaignMetricsDaily, dayColumns)).meta({ title: 'CampaignDay' });

export const listCampaignDays = operation({
  doc: "A campaign's local days of a period with every counter, the newest first. Ratios are the reader's: sum over sum.",
  input: z.strictObject({ campaign_id: id.describe('The campaign.'), ...days }),
  output: z.array(day).max(daysMax),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, input) {
    const { from, to } = daysOf(input, context.ports.now(), daysMax);
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT ${dayColumns.join(', ')} FROM campaign_metrics_daily FINAL
WHERE org_id = {org:String} AND campaign_id = {campaign:String} AND date BETWEEN {from:Date32} AND {to:Date32}
ORDER BY date DESC LIMIT ${daysMax}`,
      parameters: { campaign: input.campaign_id, from, to },
    });
    return answerOf(
      rows.map((row) => rowJson(campaignMetricsDaily, dayColumns, row)),
      rows,
    );
  },
});

export const listOrganizationDays = operation({
  doc: "What all campaigns delivered and spent together, a local day and currency an entry, the newest first. Days are each campaign's own.",
  input: z.strictObject({ ...days }),
  output: z
    .array(
      z
        .strictObject({
          date: z.iso.date().describe('The local day.'),
          currency: z.string().describe('ISO-4217; empty where no money was seen.'),
          campaigns: count.describe('Campaigns with a row of that day.'),
          impressions: count.describe('Impressions, counted.'),
          clicks: count.describe('Clicks, counted.'),
          conversions_by_touch: decimal.describe('Conversions by the day of their touch, with their fractions.'),
          spend_micros: micros.describe('Spend.'),
          revenue_by_touch_micros: micros.describe('Revenue of conversions by the day of their touch.'),
        })
        .meta({ title: 'OrganizationDay' }),
    )
    .max(2_000),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 5,
  async run(context, input) {
    const { from, to } = daysOf(input, context.ports.now(), daysMax);
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT date, currency, count() AS campaigns, sum(d.impressions) AS impressions, sum(d.clicks) AS clicks,
  toString(sum(d.conversions_by_touch)) AS conversions, sum(d.spend_micros) AS spend,
  sum(d.revenue_by_touch_micros) AS revenue, max(d.version) AS version
FROM campaign_metrics_daily AS d FINAL
WHERE org_id = {org:String} AND date BETWEEN {from:Date32} AND {to:Date32}
GROUP BY date, currency ORDER BY date DESC, currency LIMIT 2000`,
      parameters: { from, to },
    });
    const data = rows.map((row) => ({
      date: String(row.date),
      currency: String(row.currency),
      campaigns: Number(row.campaigns),
      impressions: Number(row.impressions),
      clicks: Number(row.clicks),
      conversions_by_touch: String(row.conversions),
      spend_micros: String(row.spend),
      revenue_by_touch_micros: String(row.revenue),
    }));
    return answerOf(data, rows);
  },
});
