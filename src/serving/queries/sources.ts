import * as z from 'zod';
import { highestVersion, plainAnswer } from './answers.ts';
import { instant, instantOf, type RawRow, versionOf, versionText } from './columns.ts';
import { operation } from './operation.ts';

export const listSources = operation({
  doc: 'Which feed is late, and whose verdicts are unknown because of it: for each source how far it is complete over the flights that wait for it, the one that is furthest behind first.',
  input: z.strictObject({}),
  output: z
    .array(
      z
        .strictObject({
          source: z.string().describe('The source: a feed, as its records name it.'),
          complete_through: instant
            .nullable()
            .describe('Event time up to which it is complete for every flight; null = not known for one.'),
          newest_complete_through: instant.nullable().describe('The same for the flight for which it is furthest.'),
          flights: z.number().int().describe('Flights that wait for it and have not ended.'),
          stale_flights: z.number().int().describe('Of these, the ones that nobody can judge now: `stale_data`.'),
          version: versionText.describe('Highest version of the rows.'),
        })
        .meta({ title: 'Source' }),
    )
    .max(1_000),
  scope: 'organization',
  permission: 'sources.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context) {
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT splitByChar('=', part)[1] AS name, min(ms) AS slowest, max(ms) AS fastest, countIf(ms IS NULL) AS unknown,
  count() AS flights, countIf(status = 'stale_data') AS stale, max(seen) AS version, toUnixTimestamp64Milli(max(evaluated)) AS at
FROM (
  SELECT arrayJoin(splitByChar(',', completeness)) AS part, toInt64OrNull(splitByChar('=', part)[2]) AS ms, status,
    p.version AS seen, p.evaluated_at AS evaluated
  FROM pacing_latest AS p FINAL
  WHERE org_id = {org:String} AND completeness != '' AND NOT startsWith(status, 'ended')
)
GROUP BY name ORDER BY unknown > 0 DESC, slowest, name LIMIT 1000`,
      parameters: {},
    });
    const data = rows.map((row) => ({
      source: String(row.name),
      complete_through: Number(row.unknown) > 0 ? null : at(row.slowest),
      newest_complete_through: at(row.fastest),
      flights: Number(row.flights),
      stale_flights: Number(row.stale),
      version: versionOf(String(row.version)),
    }));
    const through = data.map(({ complete_through }) => complete_through);
    const isKnown = data.length > 0 && through.every((each) => each !== null);
    return {
      ...plainAnswer(data),
      dataVersion: highestVersion(rows),
      completeThroughMs: isKnown ? Math.min(...through.map((each) => Date.parse(each!))) : null,
      asOfMs: rows.length === 0 ? null : Math.max(...rows.map((row) => Number(row.at))),
    };
  },
});

function at(ms: unknown): string | null {
  return ms === null ? null : instantOf(new Date(Number(ms)).toISOString().slice(0, -1).replace('T', ' '));
}
