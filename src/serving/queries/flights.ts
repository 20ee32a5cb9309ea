import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import { dayMs } from '../../model/time.ts';
import { type PacingStatus, pacingStatuses } from '../../pacing/pacing.ts';
import { pacingSnapshots } from '../../rows/tables.ts';
import { answerOf } from './answers.ts';
import { micros, type RawRow, rowJson, rowShape } from './columns.ts';
import { id, moment, paging, period, periodOf } from './fields.ts';
import { operation } from './operation.ts';
import { inPeriod, newestFirst, pagedRows } from './paged-rows.ts';

/** How bad each status is, 0 = the worst: the order of the board. */
const rankOf: Readonly<Record<PacingStatus, number>> = {
  ...{ severely_behind: 0, overspent_after_cut: 0 },
  ...{ blocked: 1, exhausted: 1, stale_data: 1 },
  ...{ behind: 2, ahead: 2 },
  capped_today: 3,
  ...{ warming_up: 4, on_track: 4, not_started: 4, paused: 4 },
  ...{ ended_under: 5, ended_over: 5, ended_full: 5 },
};
const lastRank = Math.max(...Object.values(rankOf));
const status = z.enum(pacingStatuses).meta({ title: 'PacingStatus' });

const rankSql = `transform(status, [${pacingStatuses.map((name) => `'${name}'`).join(', ')}], [${pacingStatuses
  .map((name) => rankOf[name])
  .join(', ')}], ${lastRank})`;
/** What the flight will miss its budget by at the present rate, up or down; nothing is at risk once it ended. */
const riskSql = `if(${rankSql} = ${lastRank} OR projected_micros IS NULL OR goal != 'MONEY', NULL, toInt64(abs(budget_micros - projected_micros)))`;

const boardColumns = [
  'campaign_id',
  'flight_id',
  'status',
  'mode',
  'currency',
  'budget_micros',
  'spend_micros',
  'expected_micros',
  'projected_micros',
  'osi_bp',
  'delivery_bp',
  'elapsed_bp',
  'required_micros_per_day',
  'run_rate_micros_per_day',
  'day_target_micros',
  'day_spend_micros',
  'exhaustion_at',
  'unseen_micros',
  'money_at_risk_micros',
  'goal',
  'goal_total',
  'goal_delivered',
  'goal_expected',
  'goal_projected',
  'goal_day_target',
  'goal_day_delivered',
  'limit_micros',
  'starts_at',
  'ends_at',
  'time_zone',
  'advertiser',
  'completeness',
  'as_of',
  'evaluated_at',
  'plan_number',
  'version',
] as const;

const atRisk = micros
  .nullable()
  .describe(
    'By how much the projection misses the budget, up or down; null where nothing can be said, where the goal is no money, and after the end.',
  );

const boardFlight = z
  .strictObject({ ...rowShape(pacingSnapshots, boardColumns), at_risk_micros: atRisk })
  .meta({ title: 'BoardFlight' });

const snapshotColumns = pacingSnapshots.columns
  .map(({ name }) => name)
  .filter((name) => name !== 'org_id' && name !== 'partition');
const snapshot = z.strictObject(rowShape(pacingSnapshots, snapshotColumns)).meta({ title: 'Snapshot' });

function flightJson(row: RawRow) {
  const risk = row.at_risk === null ? null : String(row.at_risk);
  return { ...rowJson(pacingSnapshots, boardColumns, row), at_risk_micros: risk };
}

export const listFlights = operation({
  doc: 'The board: how every flight stands now, the worst first, and of equals the one whose projection misses its budget the most. Money of different currencies is compared by its number alone.',
  input: z.strictObject({
    ...paging,
    status: z.array(status).max(pacingStatuses.length).optional().describe('Only flights of these statuses.'),
    campaign_id: id.optional().describe('Only flights of this campaign.'),
  }),
  output: z.array(boardFlight),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, input) {
    const { status: wanted = [], campaign_id = '' } = input;
    const { shown, nextCursor } = await pagedRows(context, {
      list: { name: 'flights', args: [wanted.toSorted(), campaign_id] },
      input,
      columns: [
        ...boardColumns,
        `${riskSql} AS at_risk`,
        `${rankSql} AS rank`,
        '-ifNull(at_risk, toInt64(-1)) AS safety',
      ],
      table: 'pacing_latest FINAL',
      where: [
        '(empty({statuses:Array(String)}) OR has({statuses:Array(String)}, status))',
        "({campaign:String} = '' OR campaign_id = {campaign:String})",
      ],
      parameters: { statuses: wanted, campaign: campaign_id },
      sortedBy: [
        { name: 'rank', type: 'Int32', first: -1 },
        { name: 'safety', type: 'Int64', first: 0 },
        { name: 'campaign_id', type: 'String', first: '' },
        { name: 'flight_id', type: 'String', first: '' },
      ],
      direction: 'ASC',
    });
    return answerOf(shown.map(flightJson), shown, nextCursor);
  },
});

export const summarizeFlights = operation({
  doc: 'The board in numbers: flights by status, currency and goal, with what they spent, by how much projections miss budgets, and the money at risk.',
  input: z.strictObject({}),
  output: z.array(
    z
      .strictObject({
        status: status.describe('The pacing status.'),
        currency: z.string().describe('ISO-4217; empty where no money was seen.'),
        goal: z.string().describe('What they are paced by: MONEY, or the unit of what they are to deliver.'),
        flights: z.number().int().describe('How many flights.'),
        budget_micros: micros.describe(
          'Budgets together; of a goal that is no money, limits together, of the flights that have one.',
        ),
        spend_micros: micros.describe('Of the flights whose spend is known.'),
        goal_total: micros.describe('What they are to reach together, in the unit of the goal, as far as it is known.'),
        goal_delivered: micros.describe('What they reached of it, of the flights for which it is known.'),
        money_at_risk_micros: micros.describe(
          'What they may have spent unseen beyond budgets and caps, of the flights for which it is known.',
        ),
        at_risk_micros: micros.describe('Sum of `at_risk_micros` of the flights for which it is known.'),
      })
      .meta({ title: 'FlightSummary' }),
  ),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context) {
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT status, currency, p.goal AS goal, count() AS flights, sum(toInt128(p.budget_micros)) AS budget, sum(toInt128(ifNull(p.spend_micros, 0))) AS spend,
  sum(toInt128(ifNull(p.goal_total, 0))) AS total, sum(toInt128(ifNull(p.goal_delivered, 0))) AS delivered,
  sum(toInt128(ifNull(${riskSql}, 0))) AS at_risk,
  sum(toInt128(ifNull(p.money_at_risk_micros, 0))) AS money_at_risk,
  min(p.as_of) AS as_of, max(p.evaluated_at) AS evaluated_at, max(p.version) AS version
FROM pacing_latest AS p FINAL WHERE org_id = {org:String}
GROUP BY status, currency, goal ORDER BY ${rankSql}, status, currency, goal LIMIT 1000`,
      parameters: {},
    });
    const data = rows.map((row) => ({
      status: row.status as PacingStatus,
      currency: String(row.currency),
      goal: String(row.goal),
      flights: Number(row.flights),
      budget_micros: String(row.budget),
      spend_micros: String(row.spend),
      goal_total: String(row.total),
      goal_delivered: String(row.delivered),
      money_at_risk_micros: String(row.money_at_risk),
      at_risk_micros: String(row.at_risk),
    }));
    return answerOf(data, rows);
  },
});

/** Snapshots come at least every hour while a flight runs; older ones tell of a flight that was not evaluated. */
const knownBackMs = 400 * dayMs;
/** A flight that runs has one of the last hour, so that this much before the moment decides where it is looked for. */
const hotBackMs = dayMs;

export const getFlight = operation({
  doc: 'One flight with every value of its newest snapshot; with `known_at`, as it was known at that moment of the log.',
  input: z.strictObject({
    campaign_id: id.describe('The campaign.'),
    flight_id: id.describe('The flight of it.'),
    known_at: moment.optional().describe('What was known at this moment; the default is now.'),
  }),
  output: snapshot,
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 1,
  async run(context, { campaign_id, flight_id, known_at }) {
    const parameters = { campaign: campaign_id, flight: flight_id };
    const one = 'org_id = {org:String} AND campaign_id = {campaign:String} AND flight_id = {flight:String}';
    const at = known_at === undefined ? null : Date.parse(known_at);
    const table = at === null ? null : await context.tables.since('pacing_snapshots', at - hotBackMs);
    const rows = await context.tables.rows<RawRow>(
      at === null || table === null
        ? { sql: `SELECT ${snapshotColumns.join(', ')} FROM pacing_latest FINAL WHERE ${one}`, parameters }
        : {
            sql: `SELECT ${snapshotColumns.join(', ')} FROM ${table.sql} WHERE ${one}
  AND evaluated_at > fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND evaluated_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
ORDER BY evaluated_at DESC, as_of DESC LIMIT 1`,
            parameters: { ...parameters, from: at - knownBackMs, at },
          },
    );
    const [row] = rows;
    if (row === undefined)
      throw new EngineError(
        'NOT_FOUND',
        `no flight ${flight_id} of campaign ${campaign_id} is known${at === null ? '' : ' at that moment'}`,
      );
    return answerOf(rowJson(pacingSnapshots, snapshotColumns, row), rows, null, table?.reach);
  },
});

const snapshotDaysMax = 31;

export const listSnapshots = operation({
  doc: 'How a flight stood over time: its snapshots of a period by the time of their evaluation, the newest first.',
  input: z.strictObject({
    campaign_id: id.describe('The campaign.'),
    flight_id: id.describe('The flight of it.'),
    ...period,
    ...paging,
  }),
  output: z.array(snapshot),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, input) {
    const { campaign_id: campaign, flight_id: flight } = input;
    const { from, to } = periodOf(input, context.ports.now(), snapshotDaysMax * dayMs);
    const { column, key } = newestFirst('evaluated_at', to);
    const table = await context.tables.since('pacing_snapshots', from);
    const { shown, nextCursor } = await pagedRows(context, {
      list: { name: 'snapshots', args: [campaign, flight, input.from, input.to] },
      input,
      columns: [...snapshotColumns, column, 'toUnixTimestamp64Milli(as_of) AS as_of_ms'],
      table: table.sql,
      where: ['campaign_id = {campaign:String} AND flight_id = {flight:String}', inPeriod('evaluated_at')],
      parameters: { campaign, flight, from, to },
      sortedBy: [key, { name: 'as_of_ms', type: 'Int64', first: 0 }],
      direction: 'DESC',
    });
    const data = shown.map((row) => rowJson(pacingSnapshots, snapshotColumns, row));
    return answerOf(data, shown, nextCursor, table.reach);
  },
});
