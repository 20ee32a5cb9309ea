import * as z from 'zod';
import { instant, instantOf, type RawRow, versionOf, versionText } from './columns.ts';
import { operation } from './operation.ts';

const part = z
  .strictObject({
    rows: z.number().int().describe('Flights, or alerts, that there ever were.'),
    version: versionText.nullable().describe('The highest of them; null where there is none.'),
  })
  .meta({ title: 'MarkPart' });

export const getMark = operation({
  doc: 'What changes when a flight or an alert of the organization does. As `text/event-stream` it is sent again with every change, so that a view knows when to ask anew.',
  input: z.strictObject({}),
  output: z
    .strictObject({
      flights: part.describe('Of flights.'),
      alerts: part.describe('Of alerts.'),
      evaluated_at: instant.nullable().describe('Log time of the newest snapshot or transition.'),
    })
    .meta({ title: 'Mark' }),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 1,
  async run({ tables }) {
    const rows = await tables.rows<RawRow>({
      sql: `SELECT 'flights' AS what, count() AS n, max(version) AS version, max(evaluated_at) AS evaluated_at
FROM pacing_latest FINAL WHERE org_id = {org:String}
UNION ALL SELECT 'alerts', count(), max(version), max(evaluated_at) FROM alert_latest FINAL WHERE org_id = {org:String}`,
      parameters: {},
    });
    const found = rows.filter((row) => Number(row.n) > 0);
    const partOf = (what: string) => {
      const row = found.find((each) => each.what === what);
      return { rows: Number(row?.n ?? 0), version: row === undefined ? null : versionOf(String(row.version)) };
    };
    const newest = found
      .map((row) => String(row.evaluated_at))
      .sort()
      .at(-1);
    return {
      data: {
        flights: partOf('flights'),
        alerts: partOf('alerts'),
        evaluated_at: newest === undefined ? null : instantOf(newest),
      },
      nextCursor: null,
      dataVersion: null,
      completeThroughMs: null,
      asOfMs: newest === undefined ? null : Date.parse(instantOf(newest)),
    };
  },
});
