import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/control/system-clock.ts';
import type { Decoder } from '../src/decoders/decoder.ts';
import { kind } from '../src/model/event-batch.ts';
import { BronzeTable } from '../src/sinks/iceberg/bronze-table.ts';
import { LocalFileIO, localUri } from '../src/sinks/iceberg/file-io.ts';
import { randomIds } from '../src/sinks/iceberg/id-source.ts';
import { ParquetEncoder } from '../src/sinks/iceberg/parquet-encoder.ts';
import { SqlCatalog } from '../src/sinks/iceberg/sql-catalog.ts';
import { openLogReader, openRecordedLog } from '../src/sources/recorded-log.ts';
import { BronzeTopology } from '../src/topology/bronze-topology.ts';
import { allLanes } from '../src/topology/fixed-assignment.ts';

/**
 * Records a second through bronze alone, from the log on disk to committed files, on one thread. The
 * decoder only reads the key, so its cost is not in the number.
 */
const records = Number(process.argv[2] ?? 400_000);
const orgs = Number(process.argv[3] ?? 50);
const folder = mkdtempSync(join(tmpdir(), 'paceline-bench-'));
const topic = 'ads.events.v1';
const keys = Array.from({ length: orgs }, (_, i) => Buffer.from(`org-${i}`));

async function fill(): Promise<void> {
  const options = { dir: folder, topic, partitions: 4, mode: 'live', encoding: 'binary', clock: systemClock } as const;
  const log = await openRecordedLog(options);
  let random = 1;
  const next = () => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return random;
  };
  for (let from = 0; from < records; from += 20_000) {
    const appends: Promise<number>[] = [];
    for (let i = from; i < Math.min(records, from + 20_000); i++) {
      // About as long, and as compressible, as an Avro impression with its envelope.
      const value = Buffer.alloc(150);
      value.write(`https://ads.example/creative/${next() % 5_000}/slot/${i % 30}`, 60);
      for (let at = 0; at < 60; at += 4) value.writeUInt32LE(next(), at);
      appends.push(log.append(i % 4, keys[next() % orgs], value));
    }
    await Promise.all(appends);
  }
  await log.close();
}

const keyOnly: Decoder = {
  decode(run, batch) {
    batch.reset(run.count);
    for (let row = 0; row < run.count; row++) {
      batch.kinds[row] = kind.click;
      batch.orgs[row] = batch.dictionaries.orgs.intern(run.bytes, run.keyStarts[row], run.keyEnds[row]);
      batch.keyOrgs[row] = batch.orgs[row];
      batch.eventTimes[row] = run.logTimes[row];
      batch.schemaIds[row] = 3;
    }
    return -1;
  },
  learn: async () => {},
};

await fill();
const io = new LocalFileIO();
const nowMs = () => systemClock.wallMs();
const path = join(folder, 'catalog.sqlite');
const catalog = new SqlCatalog({
  path,
  catalogName: 'paceline',
  namespace: 'bronze',
  table: 'events',
  io,
  ids: randomIds,
  nowMs,
});
const source = await openLogReader({ dir: folder, topic, clock: systemClock });
const store = new BronzeTable({
  catalog,
  io,
  ids: randomIds,
  encoder: new ParquetEncoder(),
  topic,
  identity: await source.identity(),
  location: localUri(join(folder, 'lake')),
  nowMs,
  pause: (attempt) => systemClock.sleep(100 * attempt),
});
const topology = new BronzeTopology({
  source,
  decoder: keyOnly,
  store,
  clock: systemClock,
  assignment: allLanes(4),
  commitIntervalMs: 60_000,
  commitBytes: 128 * 1024 * 1024,
  commitRecords: 1_000_000,
});
const cpu = process.cpuUsage();
const startMs = performance.now();
const running = topology.run();
await Promise.race([running, topology.drain()]);
const seconds = (performance.now() - startMs) / 1_000;
const used = process.cpuUsage(cpu);
topology.stop();
await running;
await source.close();
catalog.close();
rmSync(folder, { recursive: true });
const stats = store.stats();
console.log(
  JSON.stringify({
    records,
    orgs,
    recordsPerSecond: Math.round(records / seconds),
    cpuMicrosPerRecord: Number(((used.user + used.system) / records).toFixed(2)),
    files: stats.files,
    bytesPerRecord: Number((stats.bytes / records).toFixed(1)),
    rssMb: Math.round(process.memoryUsage().rss / 1_048_576),
  }),
);
