import { join } from 'node:path';
import { bronzeRunner } from '../../src/adapters/lake/open-bronze.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import type { CatalogTable } from '../../src/lakehouse/catalog/catalog.ts';
import { CatalogRows } from '../../src/lakehouse/catalog/catalog-rows.ts';
import { SqlCatalog } from '../../src/lakehouse/catalog/sql-catalog.ts';
import { SqliteRows } from '../../src/lakehouse/catalog/sqlite-rows.ts';
import { ParquetEncoder } from '../../src/lakehouse/format/parquet-encoder.ts';
import { BronzeTable } from '../../src/lakehouse/layers/bronze/bronze-table.ts';
import { randomIds } from '../../src/lakehouse/storage/id-source.ts';
import { LocalFileIO, localUri } from '../../src/lakehouse/storage/local-file-io.ts';
import { allLanes } from '../../src/runtime/fixed-assignment.ts';
import { createRunner } from '../../src/runtime/runner.ts';
import { TableStore } from '../../src/runtime/table-store.ts';
import { openLogReader } from '../../src/sources/recorded/recorded-log.ts';
import { BronzeLane } from '../../src/topology/bronze-topology.ts';
import { fakeDecoder } from './fake-decoder.ts';

/**
 * One life of a bronze writer over the log in `folder`. `dieAt` "3 before" or "3 after": the process
 * kills itself at its third commit, just before or just after it takes effect.
 */
const [folder, dieAt = ''] = process.argv.slice(2);
const [dieCommit, dieWhen] = dieAt.split(' ');
let commits = 0;

const io = new LocalFileIO();
const nowMs = () => systemClock.wallMs();
const names = new SqlCatalog({
  rows: new CatalogRows(new SqliteRows(join(folder, 'catalog.sqlite')), 'paceline'),
  io,
  ids: randomIds,
  nowMs,
});
const inner = names.table({ namespace: 'bronze', table: 'events' });
const catalog: CatalogTable = {
  load: () => inner.load(),
  create: (table) => inner.create(table),
  commit: async (base, requirements, updates) => {
    const isLast = ++commits === Number(dieCommit);
    if (isLast && dieWhen === 'before') process.kill(process.pid, 'SIGKILL');
    const state = await inner.commit(base, requirements, updates);
    if (isLast) process.kill(process.pid, 'SIGKILL');
    return state;
  },
};
const source = await openLogReader({ dir: join(folder, 'log'), topic: 'ads.events.v1', clock: systemClock });
const identity = await source.identity();
const store = new BronzeTable({
  catalog,
  io,
  ids: randomIds,
  encoder: new ParquetEncoder(),
  topic: source.topic,
  identity,
  location: localUri(join(folder, 'lake/bronze/events')),
  nowMs,
  pause: (attempt) => systemClock.sleep(10 * attempt),
});
const failed = Promise.withResolvers<never>();
const { settings, ...ports } = bronzeRunner({ commit_interval_ms: 3_600_000, commit_mb: 1_024 });
const runner = createRunner({
  ...ports,
  source,
  decoder: fakeDecoder,
  store: new TableStore(store),
  assignment: allLanes(identity.partitions),
  programFactory: () => new BronzeLane({ commitBytes: settings.commitBytesMax, commitRecords: 500 }),
  settings: { ...settings, pollRecordsMax: 500 },
  onError: (error) => failed.reject(error),
});
await runner.start();
await Promise.race([failed.promise, runner.catchUp()]);
await runner.stop();
await source.close();
await names.close();
