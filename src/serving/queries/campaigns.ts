import * as z from 'zod';
import { campaignMetricsDaily, conversionsDaily } from '../../rows/tables.ts';
import { answerOf } from './answers.ts';
import { decimal, micros, type RawRow, rowJson, rowShape } from './columns.ts';
import { days, daysOf, id, paging } from './fields.ts';
import { operation } from './operation.ts';
import { pagedRows } from './paged-rows.ts';

const daysMax = 92;
const leastInt64 = String(-(2n ** 63n));
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
    const { from, to } = daysOf(input, context.ports.now(), daysMax);
    const table = await context.tables.since('campaign_metrics_daily', Date.parse(from));
    const { shown, nextCursor } = await pagedRows(context, {
      // The default period moves on at midnight, and a list that was begun goes on with its own.
      list: { name: 'campaigns', args: [input.from, input.to] },
      input,
      columns: ['*', '-spend AS unspent'],
      table: `(SELECT org_id, campaign_id, currency, count() AS days, sum(d.impressions) AS impressions, sum(d.clicks) AS clicks,
  toString(sum(d.conversions_by_touch)) AS conversions, sum(d.spend_micros) AS spend,
  sum(d.revenue_by_touch_micros) AS revenue, max(d.version) AS version
FROM ${table.sql}
WHERE org_id = {org:String} AND date BETWEEN {from:Date32} AND {to:Date32}
GROUP BY org_id, campaign_id, currency)`,
      where: [],
      parameters: { from, to },
      sortedBy: [
        { name: 'unspent', type: 'Int64', first: leastInt64 },
        { name: 'campaign_id', type: 'String', first: '' },
        { name: 'currency', type: 'String', first: '' },
      ],
      direction: 'ASC',
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
    return answerOf(data, shown, nextCursor, table.reach);
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
    const table = await context.tables.since('campaign_metrics_daily', Date.parse(from));
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT ${dayColumns.join(', ')} FROM ${table.sql}
WHERE org_id = {org:String} AND campaign_id = {campaign:String} AND date BETWEEN {from:Date32} AND {to:Date32}
ORDER BY date DESC LIMIT ${daysMax}`,
      parameters: { campaign: input.campaign_id, from, to },
    });
    const data = rows.map((row) => rowJson(campaignMetricsDaily, dayColumns, row));
    return answerOf(data, rows, null, table.reach);
  },
});

const conversionColumns = conversionsDaily.columns
  .map(({ name }) => name)
  .filter((name) => name !== 'org_id' && name !== 'campaign_id' && name !== 'partition');
const conversions = z.strictObject(rowShape(conversionsDaily, conversionColumns)).meta({ title: 'ConversionDay' });

export const listConversions = operation({
  doc: "A campaign's conversions by local day, type and what brought them about (a click, a view, or what nobody said), the newest day first. Their sums are those of the days.",
  input: z.strictObject({
    campaign_id: id.describe('The campaign.'),
    ...days,
    ...paging,
    conversion_type: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe('Only conversions of this type, as the events call it.'),
    attribution: z
      .enum(['CLICK', 'VIEW', 'NONE'])
      .meta({ title: 'Attribution' })
      .optional()
      .describe('Only those after a click, after a view, or of which it is not said.'),
  }),
  output: z.array(conversions),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, input) {
    const { campaign_id: campaign, conversion_type: type = '', attribution = '' } = input;
    const { from, to } = daysOf(input, context.ports.now(), daysMax);
    const table = await context.tables.since('conversions_daily', Date.parse(from));
    const { shown, nextCursor } = await pagedRows(context, {
      list: { name: 'conversions', args: [campaign, input.from, input.to, type, attribution] },
      input,
      columns: [...conversionColumns, '-toInt32(date) AS age'],
      table: table.sql,
      where: [
        'campaign_id = {campaign:String} AND date BETWEEN {from:Date32} AND {to:Date32}',
        "({type:String} = '' OR conversion_type = {type:String})",
        "({attribution:String} = '' OR attribution = {attribution:String})",
      ],
      parameters: { campaign, from, to, type, attribution },
      sortedBy: [
        { name: 'age', type: 'Int32', first: -(2 ** 31) },
        { name: 'conversion_type', type: 'String', first: '' },
        { name: 'attribution', type: 'String', first: '' },
      ],
      direction: 'ASC',
    });
    const data = shown.map((row) => rowJson(conversionsDaily, conversionColumns, row));
    return answerOf(data, shown, nextCursor, table.reach);
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
    const table = await context.tables.since('campaign_metrics_daily', Date.parse(from));
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT date, currency, count() AS campaigns, sum(d.impressions) AS impressions, sum(d.clicks) AS clicks,
  toString(sum(d.conversions_by_touch)) AS conversions, sum(d.spend_micros) AS spend,
  sum(d.revenue_by_touch_micros) AS revenue, max(d.version) AS version
FROM ${table.sql}
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
    return answerOf(data, rows, null, table.reach);
  },
});
