import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { systemClock } from '../src/control/system-clock.ts';
import { onFact } from '../src/model/facts.ts';
import { openRedisStateStore } from '../src/state/redis/open-redis-state-store.ts';

/**
 * The restore drill, with a lane of its own under its own prefix: fill it, copy it, delete it, claim it.
 * `node scripts/restore-drill.ts --url redis://127.0.0.1:6379 --entries 1000000`. docs/state.md has figures.
 */
const { values } = parseArgs({
  options: { url: { type: 'string' }, entries: { type: 'string', default: '1000000' } },
});
const entries = Number(values.entries);
if (values.url === undefined || !Number.isInteger(entries) || entries < 1) {
  process.stderr.write('usage: --url redis://host:port [--entries N]\n');
  process.exit(64);
}
const lane = 'drill:0';
const [groups, deltas, entryBytes] = [64, 16, 57];
const keyPrefix = `drill-${process.pid}:`;
const directory = mkdtempSync(join(tmpdir(), 'paceline-drill-'));
const admin = new Redis(values.url);
const store = await openRedisStateStore({
  endpoint: { url: values.url, kind: 'single', sentinelMaster: null, nodes: [], ca: null },
  keyPrefix,
  cache: null,
  snapshots: { directory, intervalMs: 1_000 },
  hasHistory: async () => true,
  clock: systemClock,
});

/** Entries as states are: an id, a small count or two, a sum, and much that is zero. */
function blobOf(count: number, seed: number): Uint8Array {
  const bytes = Buffer.alloc(count * entryBytes);
  for (let i = 0, at = 0; i < count; i++, at += entryBytes) {
    bytes.writeUInt32LE(Math.imul(i + 1, 2_654_435_761) >>> 0, at);
    bytes.writeUInt32LE(seed, at + 4);
    for (let word = 0; word < 4; word++) bytes.writeDoubleLE(((i * 7_919 + word) % 100_003) * 1_000, at + 9 + word * 8);
  }
  return bytes;
}

async function deleteLane(): Promise<void> {
  const keys = await admin.keys(`${keyPrefix}*`);
  if (keys.length > 0) await admin.unlink(...keys);
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  const ms = Math.round(performance.now() - startMs);
  process.stdout.write(`${what}: ${ms} ms wall, ${Math.round((user + system) / 1_000)} ms CPU of ours\n`);
  return result;
}

try {
  await admin.set(
    `${keyPrefix}generation:{drill}`,
    JSON.stringify({ generation: 1, identity: { clusterId: 'drill', topicId: 'drill', partitions: 1, mode: 'live' } }),
  );
  // A lane that begins knows nothing of a past: it is ours to begin.
  await admin.hset(`${keyPrefix}{drill:0}:m`, { tok: '', gen: 1, fmt: 1, seq: 0, off: 0, dlo: 1, out: 0, phase: '' });
  await store.claim(lane, 'filler');
  let bytes = 0;
  for (let seq = 1; seq <= deltas; seq++) {
    const share = groups / deltas;
    const bases = Array.from({ length: share }, (_, i) => ({
      group: (seq - 1) * share + i,
      bytes: blobOf(Math.ceil(entries / groups), seq),
    }));
    const delta = blobOf(Math.ceil(entries / 20 / deltas) * 14, seq);
    for (const base of bases) bytes += base.bytes.length;
    bytes += delta.length;
    const place = { lane, token: 'filler', prevSeq: seq - 1, seq, nextOffset: seq * 10 };
    const [outcome] = await store.commit([
      { ...place, delta, bases, oldestDeltaSeq: 1, outbox: null, acknowledged: [] },
    ]);
    if (outcome !== 'OK') throw new Error(`commit ${seq} came to ${outcome}`);
  }
  process.stdout.write(`${entries} entries, ${(bytes / 1e6).toFixed(1)} MB in Redis\n`);
  await timed('snapshot (waiting for its turn included)', async () => {
    const written = Promise.withResolvers<void>();
    onFact('snapshot.written', ({ seq, durationMs }) => {
      process.stdout.write(`snapshot of seq ${seq} written in ${Math.round(durationMs)} ms\n`);
      if (seq === deltas) written.resolve();
    });
    onFact('snapshot.failed', ({ error }) => written.reject(error as Error));
    await written.promise;
  });
  const place = join(directory, encodeURIComponent(keyPrefix), 'drill', '0');
  const size = Math.max(...readdirSync(place).map((name) => statSync(join(place, name)).size));
  process.stdout.write(`${(size / 1e6).toFixed(1)} MB on the disk\n`);
  await timed('claim of a whole lane', () => store.claim(lane, 'before'));
  await deleteLane();
  const restored = await timed('claim after the loss: restore, then read', () => store.claim(lane, 'after'));
  if (restored.meta?.seq !== deltas || restored.bases.size !== groups) throw new Error('the lane came back otherwise');
} finally {
  await store.close();
  await deleteLane();
  admin.disconnect();
  rmSync(directory, { recursive: true, force: true });
}
