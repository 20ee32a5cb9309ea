import assert from 'node:assert';
import { writeFileSync } from 'node:fs';
import { openLake, tableOf } from '../../src/adapters/lake/open-lake.ts';
import { writeSilverLayer } from '../../src/adapters/lake/write-layers.ts';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { describeKind } from '../../src/decoders/event-objects.ts';
import { eventKinds } from '../../src/events/kinds.ts';
import { currentSnapshot } from '../../src/lakehouse/format/table-metadata.ts';
import { SilverWorld } from '../lakehouse/layers/silver-world.ts';

/**
 * Writes silver of a simulated world by a release that does not know one field of impressions yet, then days that
 * close later by today's; and what readers must find in both, to a file.
 */
const [expectedPath] = process.argv.slice(2);
const field = 'creative_id';
const hourMs = 3_600_000;
const quiet = { isDryRun: false, onProgress: () => {} };
const world = await SilverWorld.make({ seed: 52, days: 2, encoding: 'binary' });
const today = eventKinds.map(describeKind);
const before = today.map((one) =>
  one.kind === 'impression' ? { ...one, fields: one.fields.filter(({ name }) => name !== field) } : one,
);

const snapshot = async (): Promise<string> => {
  const lake = await openLake(world.config);
  try {
    const { state } = await tableOf(lake, 'silver.impressions');
    return String(currentSnapshot(state.metadata)?.['snapshot-id']);
  } finally {
    await lake.close();
  }
};
const closed = (await world.closedThrough()) / (24 * hourMs);
await writeSilverLayer(world.config, { ...quiet, kinds: before });
const firstSnapshot = await snapshot();
const value = makeEventCodec('binary').encoder.encode('tick', {});
const logTimeMs = (await world.closedThrough()) + 30 * hourMs;
await world.append([0, 1].map((partition) => ({ partition, logTimeMs, key: null, value })));
await writeSilverLayer(world.config, quiet);

const rows = ((await world.expected()).get('impressions') ?? []).map(
  ({ partition, log_offset: offset, event_time: at, ...row }) => {
    const isOld = Math.floor(Number(at) / (24 * hourMs)) + 1 <= closed;
    return { partition, offset, is_old: isOld, value: isOld ? null : (row[field] ?? null) };
  },
);
const known = rows.filter((row) => row.value !== null).length;
const old = rows.filter((row) => row.is_old).length;
assert(known > 100 && old > 100, `${known} rows know the field, ${old} are from before it`);
// ClickHouse's engine, which wrote it, reads both.
const read = ((await world.actual()).get('impressions') ?? []).map((row) => [
  row.partition,
  row.log_offset,
  row[field] ?? null,
]);
assert.deepEqual(
  read,
  rows.map(({ partition, offset, value: own }) => [partition, offset, own]),
);
writeFileSync(expectedPath, JSON.stringify({ directory: world.directory, field, firstSnapshot, rows }));
console.log(`built: ${rows.length} impressions, ${old} of them from before ${field}; ClickHouse reads both`);
