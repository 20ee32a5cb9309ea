import { EngineError } from '../../model/errors.ts';
import { type CheckResult, notReached, ok, warning } from '../../model/finding.ts';
import type { ClickHouseSink } from './clickhouse-sink.ts';
import type { ClickhouseSettings } from './config.ts';

const freeBytesMin = 10 * 1024 ** 3;

interface ClickHouseUnderCheck {
  readonly settings: ClickhouseSettings;
  readonly sink: ClickHouseSink;
  /** Rows of a query; throws QUERY_REFUSED, QUERY_FAILED or SINK_UNAVAILABLE. */
  ask(sql: string): Promise<Record<string, unknown>[]>;
}

/** The ClickHouse server: it answers to our user, has our tables column by column, and room for more. */
export async function checkClickHouse({ settings, sink, ask }: ClickHouseUnderCheck): Promise<CheckResult[]> {
  const reachable = 'clickhouse.reachable';
  let version: unknown;
  try {
    [{ version }] = await ask('SELECT version() AS version');
  } catch (error) {
    const { username, url } = settings;
    if (error instanceof EngineError && error.code === 'QUERY_REFUSED')
      return [
        notReached(reachable, new EngineError('SINK_REJECTED', `${url} refuses user ${username}: ${error.message}`)),
      ];
    return [notReached(reachable, error)];
  }
  return [
    ok(reachable, `${settings.url}, version ${String(version)}`),
    await checkTables(sink, settings.database),
    await checkRoom(ask),
  ];
}

/** Version, time zone and columns, in the words with which the engine would refuse to start. */
async function checkTables(sink: ClickHouseSink, database: string): Promise<CheckResult> {
  try {
    await sink.check();
    return ok('clickhouse.tables', `time zone UTC, all tables of ${database} as rows are written`);
  } catch (error) {
    return notReached('clickhouse.tables', error);
  }
}

async function checkRoom(ask: (sql: string) => Promise<Record<string, unknown>[]>): Promise<CheckResult> {
  const id = 'clickhouse.disk';
  let free: number;
  try {
    const [row] = await ask('SELECT min(free_space) AS free FROM system.disks');
    free = Number(row.free);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return ok(id, 'not shown to our user');
  }
  const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
  if (free >= freeBytesMin) return ok(id, detail);
  return warning(id, detail, 'Free disk space on the server: without it inserts wait and the lanes pause.');
}
