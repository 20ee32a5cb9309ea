import { join } from 'node:path';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { openRecordedLog } from '../../src/sources/recorded/recorded-log.ts';
import { StoredLog } from '../chaos/read-log.ts';
import { fileBronze } from '../lakehouse/layers/file-bronze.ts';

/** Our writer goes on: some more records in the log of a data directory, and all of it in bronze. Says how many it has. */
const [directory, round] = process.argv.slice(2);
const organizations = ['spark-one', 'spark-two', 'spark-three'];
const dir = join(directory, 'log');
const partitions = 2;
const settings = { dir, topic: eventsTopic, partitions, mode: 'replayed', encoding: 'binary' } as const;
const log = await openRecordedLog({ ...settings, clock: systemClock });
const { encoder } = makeEventCodec('binary');
const at = Date.UTC(2026, 5, 1) + Number(round) * 60_000;
for (const [n, org_id] of organizations.entries()) {
  const event_id = Buffer.alloc(16);
  event_id.writeUInt32BE(Number(round) * organizations.length + n + 1);
  const event = { event_id, org_id, campaign_id: 'c', event_time: at, source: 'adserver', currency: 'EUR' };
  const value = encoder.encode('impression', { ...event, cost_micros: 1_000, cost_basis: 'MEDIA' });
  log.add(log.partitionOf(Buffer.from(org_id)), at, Buffer.from(org_id), value);
}
await log.flush();
await log.close();
const shippedConfigDirectory = join(import.meta.dirname, '../../config');
await fileBronze(loadConfig([], { shippedConfigDirectory, overrides: { data_directory: directory } }).config);
await using stored = await StoredLog.open(dir, eventsTopic);
let records = 0;
for (let partition = 0; partition < stored.partitions; partition++)
  for await (const _ of stored.records(partition)) records += 1;
process.stdout.write(String(records));
