import { askClickHouse, rowsOf } from '../../control/query-client.ts';
import { EngineError } from '../../model/errors.ts';
import { type CheckResult, ok, warning } from '../../model/finding.ts';
import type { Clock } from '../../model/time.ts';
import type { Config } from '../settings.ts';
import { createServerSink, serverEndpoint } from '../tables.ts';
import { notReached } from './findings.ts';

const freeBytesMin = 10 * 1024 ** 3;

/** The ClickHouse server: it answers to our user, has our tables column by column, and room for more. */
export async function checkClickHouse(config: Config, clock: Clock): Promise<CheckResult[]> {
  const endpoint = serverEndpoint(config);
  const ask = async (sql: string) => rowsOf(await askClickHouse(endpoint, sql));
  const reachable = 'clickhouse.reachable';
  let version: unknown;
  try {
    [{ version }] = await ask('SELECT version() AS version');
  } catch (error) {
    const { username, url } = config.clickhouse;
    if (error instanceof EngineError && error.code === 'QUERY_REFUSED')
      return [
        notReached(reachable, new EngineError('SINK_REJECTED', `${url} refuses user ${username}: ${error.message}`)),
      ];
    return [notReached(reachable, error)];
  }
  return [
    ok(reachable, `${config.clickhouse.url}, version ${String(version)}`),
    await checkTables(config, clock),
    await checkRoom(ask),
  ];
}

/** Version, time zone and columns, in the words with which the engine would refuse to start. */
async function checkTables(config: Config, clock: Clock): Promise<CheckResult> {
  const sink = createServerSink(config, clock);
  try {
    await sink.check();
    return ok('clickhouse.tables', `time zone UTC, all tables of ${config.clickhouse.database} as rows are written`);
  } catch (error) {
    return notReached('clickhouse.tables', error);
  } finally {
    await sink.close();
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
