import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { listTables, type TableFacts } from '../src/adapters/lake/look-at-lake.ts';
import { tablesOf, withLake } from '../src/adapters/lake/open-lake.ts';
import { maintenanceOf, tendLake } from '../src/adapters/lake/tend-lake.ts';
import { writeSilverLayer } from '../src/adapters/lake/write-layers.ts';
import { writeSimulatedLog } from '../src/adapters/log/simulated-log.ts';
import { loadConfig } from '../src/adapters/settings.ts';
import { systemClock } from '../src/control/system-clock.ts';
import { readManifestList } from '../src/lakehouse/format/manifest.ts';
import { currentSnapshot } from '../src/lakehouse/format/table-metadata.ts';
import { liveFilesOf } from '../src/lakehouse/operations/live-files.ts';
import { LocalFileIO } from '../src/lakehouse/storage/local-file-io.ts';
import { fileBronze } from '../test/lakehouse/layers/file-bronze.ts';

/**
 * What a large lake costs, computed from the parts of a small one that is written here and measured:
 * `node scripts/capacity.ts [--days 3] [--campaigns 60] [--seed 1] [--organizations 1000] [--bronze-tb 5]
 * [--kept-days 2557] [--commit-minutes 1] [--json]`. docs/capacity.md explains the figures.
 */
const { values: given } = parseArgs({
  options: {
    days: { type: 'string', default: '3' },
    campaigns: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    organizations: { type: 'string', default: '1000' },
    'bronze-tb': { type: 'string', default: '5' },
    'kept-days': { type: 'string', default: '2557' },
    'commit-minutes': { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const numberOf = (name: Exclude<keyof typeof given, 'json'>): number => {
  const value = Number(given[name]);
  if (value > 0) return value;
  process.stderr.write(`--${name} must be a number above 0, got "${given[name]}"\n`);
  process.exit(64);
};
const target = {
  organizations: numberOf('organizations'),
  bronzeBytes: numberOf('bronze-tb') * 1e12,
  keptDays: numberOf('kept-days'),
  commitMinutes: numberOf('commit-minutes'),
};
const fileBytesMax = 256 * 1_048_576;
/** As `lake cluster` writes them. */
const manifestBytesMax = 8 * 1_048_576;

/** What was asked of the store, which on S3 are requests. */
interface Requests {
  puts: number;
  gets: number;
  deletes: number;
}
const asked: Requests = { puts: 0, gets: 0, deletes: 0 };
countRequests();

const directory = mkdtempSync(join(tmpdir(), 'paceline-capacity-'));
try {
  const parts = await measure();
  const report = { measured: parts, target, computed: compute(parts) };
  if (given.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else for (const [title, part] of Object.entries(report)) print(title, part);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** Writes a small lake and measures its parts. */
async function measure() {
  const shippedConfigDirectory = join(import.meta.dirname, '../config');
  const { config } = loadConfig([], { shippedConfigDirectory, overrides: { data_directory: directory } });
  const world = { seed: numberOf('seed'), days: numberOf('days'), campaigns: numberOf('campaigns'), partitions: 2 };
  await writeSimulatedLog({ dir: directory, ...world, encoding: 'binary', plans: config.plans, clock: systemClock });

  const filing = await timed(() => fileBronze(config));
  const raw = tableOf(await listTables(config), 'bronze.events');
  const silverWork = await timed(() => writeSilverLayer(config, { isDryRun: false, onProgress: () => {} }));
  const tending = await timed(() =>
    tendLake(config, { ...maintenanceOf(), table: 'bronze.events', onProgress: () => {}, onDone: () => {} }),
  );
  const tables = await listTables(config);
  const bronze = tableOf(tables, 'bronze.events');
  const silver = tables.filter(({ table }) => table.startsWith('silver.') && table !== 'silver.days');
  const silverBytes = silver.reduce((sum, { bytes }) => sum + bytes, 0);
  const manifests = await withLake(config, async (lake) => {
    const found = (await tablesOf(lake)).find(({ name }) => name.namespace === 'bronze')!;
    const snapshot = currentSnapshot(found.state.metadata)!;
    const list = readManifestList(await lake.io.read(snapshot['manifest-list']));
    const before = process.cpuUsage();
    let entries = 0;
    for await (const _ of liveFilesOf(lake.io, found.state.metadata, snapshot)) entries += 1;
    const { user, system } = process.cpuUsage(before);
    return {
      entries,
      bytesEach: list.reduce((sum, { length }) => sum + length, 0) / entries,
      microsEach: (user + system) / entries,
    };
  });

  return {
    records: raw.rows,
    bronze_bytes_per_record: bronze.bytes / bronze.rows,
    bronze_bytes_per_record_as_written: raw.bytes / raw.rows,
    silver_bytes_per_record: silverBytes / bronze.rows,
    filing_cpu_us_per_record: (filing.cpuMs * 1_000) / raw.rows,
    silver_cpu_us_per_record: (silverWork.cpuMs * 1_000) / raw.rows,
    tending_cpu_us_per_record: (tending.cpuMs * 1_000) / raw.rows,
    filing_puts: filing.asked.puts,
    silver_tables_in_a_day: silver.filter(({ rows }) => rows > 0).length,
    manifest_bytes_per_file: manifests.bytesEach,
    manifest_cpu_us_per_file: manifests.microsEach,
  };
}

/** What the large one takes: counts, bytes, processor seconds and requests. */
function compute(measured: Awaited<ReturnType<typeof measure>>) {
  const records = target.bronzeBytes / measured.bronze_bytes_per_record;
  const recordsDay = records / target.keptDays;
  const partitions = filesOf(target.bronzeBytes);
  const silverBytesAll = records * measured.silver_bytes_per_record;
  const silverFiles = measured.silver_tables_in_a_day * target.organizations * target.keptDays;
  const manifestBytes = partitions * measured.manifest_bytes_per_file;
  const commitsDay = 1_440 / target.commitMinutes;
  return {
    bronze_records: records,
    bronze_records_per_day: recordsDay,
    bronze_data_files: partitions,
    bronze_mean_file_bytes: target.bronzeBytes / partitions,
    bronze_manifest_bytes: manifestBytes,
    bronze_manifests: Math.ceil(manifestBytes / manifestBytesMax),
    // Sorted by organization and day, one organization's lie beside each other.
    manifests_opened_for_one_organization: Math.ceil(manifestBytes / target.organizations / manifestBytesMax) + 1,
    scan_of_all_manifests_cpu_s: (partitions * measured.manifest_cpu_us_per_file) / 1e6,
    silver_bytes: silverBytesAll,
    silver_data_files: silverFiles,
    filing_cpu_s_per_day: (recordsDay * measured.filing_cpu_us_per_record) / 1e6,
    silver_cpu_s_per_day: (recordsDay * measured.silver_cpu_us_per_record) / 1e6,
    tending_cpu_s_per_day: (recordsDay * measured.tending_cpu_us_per_record) / 1e6,
    // A commit writes a file for each organization that sent, a manifest, a list and the table's metadata.
    filing_puts_per_day: commitsDay * (target.organizations + 3),
    merging_gets_per_day: commitsDay * target.organizations,
    merging_puts_per_day: target.organizations,
    silver_puts_per_day: target.organizations * (measured.silver_tables_in_a_day + 1),
    swept_deletes_per_day: commitsDay * target.organizations,
  };
}

/** One file a partition, more where an organization has more in a day; organizations follow Zipf's law. */
function filesOf(bytes: number): number {
  let weights = 0;
  for (let rank = 1; rank <= target.organizations; rank++) weights += 1 / rank;
  let files = 0;
  for (let rank = 1; rank <= target.organizations; rank++)
    files += Math.ceil(bytes / (rank * weights) / target.keptDays / fileBytesMax) * target.keptDays;
  return files;
}

function print(title: string, figures: object): void {
  process.stdout.write(`\n${title}\n`);
  for (const [name, value] of Object.entries(figures)) {
    const digits = Math.abs(value) >= 100 ? 0 : 2;
    const text = value.toLocaleString('en-US', { maximumFractionDigits: digits });
    process.stdout.write(`  ${name.padEnd(42)}${text.padStart(24)}\n`);
  }
}

function tableOf(tables: readonly TableFacts[], name: string): TableFacts {
  const found = tables.find(({ table }) => table === name);
  if (found === undefined) throw new Error(`the small lake has no ${name}`);
  return found;
}

async function timed(work: () => Promise<unknown>): Promise<{ cpuMs: number; asked: Requests }> {
  const [before, began] = [{ ...asked }, cpuMs()];
  await work();
  const { puts, gets, deletes } = asked;
  const requests = { puts: puts - before.puts, gets: gets - before.gets, deletes: deletes - before.deletes };
  return { cpuMs: cpuMs() - began, asked: requests };
}

/** Of this process and of its children that have ended: ClickHouse's engine is one. Linux counts them in ticks of 10 ms. */
function cpuMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

/** The disk stands for the store: one call is one request there. */
function countRequests(): void {
  const { create, read, delete: remove } = LocalFileIO.prototype;
  LocalFileIO.prototype.create = function (...call) {
    asked.puts += 1;
    return create.apply(this, call);
  };
  LocalFileIO.prototype.read = function (...call) {
    asked.gets += 1;
    return read.apply(this, call);
  };
  LocalFileIO.prototype.delete = function (...call) {
    asked.deletes += 1;
    return remove.apply(this, call);
  };
}
