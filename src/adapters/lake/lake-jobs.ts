import type { Logger } from '../../control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../control/query-client.ts';
import { systemClock } from '../../control/system-clock.ts';
import type { LakeJob } from '../../lakehouse/jobs/config.ts';
import { type LakeFigures, readLakeFigures } from '../../lakehouse/jobs/lake-figures.ts';
import { type LentTables, openTablesForReading } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { drillLake } from './drill-lake.ts';
import { databaseOf, refreshHistoryViews } from './history-views.ts';
import { tablesOf, withLake } from './open-lake.ts';
import { maintenanceOf, tendLake } from './tend-lake.ts';
import { runTiers } from './tier-lake.ts';
import { writeGoldLayer, writeSilverLayer } from './write-layers.ts';

/** The lake and the tables that it takes over from, in numbers. */
export interface LakeLook extends LakeFigures {
  readonly hot: { readonly rows: number; readonly bytes: number };
}

/** What a job did, for the log. */
export type JobReport = Readonly<Record<string, string | number>>;

export async function runLakeJob(
  job: LakeJob,
  config: Config,
  lent: LentTables | null,
  log: Logger,
): Promise<JobReport> {
  const onProgress = () => {};
  switch (job) {
    case 'silver': {
      const { days, rows, overtaken } = await writeSilverLayer(config, { isDryRun: false, onProgress });
      return { days, rows, overtaken };
    }
    case 'gold': {
      const { months, rows, overtaken } = await writeGoldLayer(config, { isDryRun: false, lent, onProgress }, log);
      return { months, rows, overtaken };
    }
    case 'tier': {
      const { moved, expired } = await runTiers(config, { log, lent, onMoved: () => {}, onProgress });
      const rows = moved.reduce((sum, one) => sum + one.rows, 0);
      return { months: moved.length, rows, expired_tables: expired.length };
    }
    case 'maintain': {
      let [gone, made] = [0, 0];
      await tendLake(config, {
        ...maintenanceOf(),
        onProgress,
        onDone: (report) => {
          gone += report.gone;
          made += report.made;
        },
      });
      return { gone, made };
    }
    case 'drill': {
      const seed = Math.floor(systemClock.wallMs() / 1_000);
      const report = await drillLake(config, { seed, chosen: null, onDrawn: () => {}, onProgress });
      const { org, week, rows, records, differences, restated, example } = report;
      return { org, week, seed, rows, records, differences, restated, ...(example === null ? {} : { example }) };
    }
  }
}

/**
 * Looks at the lake. Where gold has changed since `seen`, views of the embedded ClickHouse, which nobody else may
 * change while an engine runs, are told where it is now.
 */
export async function lookAtLake(
  config: Config,
  lent: LentTables | null,
  seen: string,
  log: Logger,
): Promise<LakeLook> {
  const figures = await withLake(config, async (lake) => readLakeFigures(lake, await tablesOf(lake)));
  if (lent !== null && figures.goldMark !== seen) await refreshHistoryViews(config, lent.writer);
  const { endpoint, close } = await openTablesForReading(config, { clock: systemClock, log, lent });
  try {
    const [found] = rowsOf(
      await askClickHouse(
        endpoint,
        `SELECT toString(sum(rows)) AS part_rows, toString(sum(bytes_on_disk)) AS part_bytes
         FROM system.parts WHERE active AND database = '${databaseOf(config)}'`,
      ),
    );
    return { ...figures, hot: { rows: Number(found.part_rows), bytes: Number(found.part_bytes) } };
  } finally {
    await close();
  }
}
