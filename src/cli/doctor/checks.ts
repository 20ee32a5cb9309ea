import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { isServing, servingPort } from '../../adapters/serving/serving-place.ts';
import type { Config } from '../../adapters/settings.ts';
import { describePortHolder } from '../../control/http/port-holder.ts';
import { systemClock } from '../../control/system-clock.ts';
import { type CheckResult, failed, ok, warning } from '../../model/finding.ts';
import { product } from '../product.ts';

const diskBytesMin = 2 * 1024 ** 3;
const clockToleranceMs = 5_000;
/** No machine that runs this version can be older; an earlier clock is a broken one. */
const earliestWallMs = Date.UTC(2026, 0, 1);

export function checkNode(version: string = process.versions.node): CheckResult {
  const [major, minor] = version.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 12)) return ok('node.version', `node ${version}`);
  return failed(
    'node.version',
    `node ${version} is too old`,
    `Use Node ${product.nodeNeeded} or newer; "npm ci" brings one for npm scripts.`,
  );
}

/** In a process of its own: a library that does not load may take its process down. */
export function checkChdb(): CheckResult {
  const script = 'import("chdb").then(() => process.stdout.write("loaded"))';
  const child = spawnSync(process.execPath, ['-e', script], { cwd: product.root, encoding: 'utf8', timeout: 30_000 });
  if (child.status === 0 && child.stdout.includes('loaded')) return ok('chdb.load', 'the embedded ClickHouse loads');
  const reason =
    child.stderr.split('\n').find((line) => line.includes('Error')) ?? child.error?.message ?? `exit ${child.status}`;
  return failed('chdb.load', reason, 'Run "npm ci" again; chdb needs Linux with glibc or macOS, on x64 or arm64.');
}

/** Writes and removes a directory of its own beside the data, since the directory may not exist yet. */
export function checkWritable(directory: string, id = 'data.writable', setting = '--data'): CheckResult {
  const existing = nearestExisting(directory);
  try {
    if (!statSync(existing).isDirectory())
      return failed(id, `${existing} is a file, no directory`, `Choose another ${setting}.`);
    accessSync(existing, constants.W_OK | constants.X_OK);
    rmSync(mkdtempSync(join(existing, '.paceline-doctor-')), { recursive: true });
    return ok(id, directory === existing ? directory : `${directory} (will be made)`);
  } catch (error) {
    return failed(
      id,
      (error as Error).message,
      `Make ${existing} writable for this user, or choose another ${setting}.`,
    );
  }
}

export function checkDisk(directory: string, id = 'data.disk'): CheckResult {
  const { bavail, bsize } = statfsSync(nearestExisting(directory));
  const free = `${((bavail * bsize) / 1024 ** 3).toFixed(1)} GiB free`;
  if (bavail * bsize >= diskBytesMin) return ok(id, free);
  return warning(id, free, 'Free some disk space: at zero the engine pauses until there is room.');
}

function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(dirname(directory));
}

/** Free, or held by the engine of this very data directory. */
export async function checkPort(id: string, host: string, port: number, isOurs: boolean): Promise<CheckResult> {
  if (port === 0) return ok(id, 'any free port');
  const trouble = await tryListen(host, port);
  if (trouble === null) return ok(id, `${host}:${port} is free`);
  if (trouble === 'EADDRINUSE') {
    if (isOurs) return ok(id, `${host}:${port} is served by the running engine`);
    return failed(
      id,
      `${host}:${port} is held by ${describePortHolder(port)}`,
      'Stop that process or set another port; 0 takes a free one.',
    );
  }
  return failed(id, `cannot listen on ${host}:${port}: ${trouble}`, 'Set another host or port.');
}

function tryListen(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

/** The log stamps records with this clock: it must be sane, and agree with the disk's. */
export function checkClock(directory: string): CheckResult {
  const now = systemClock.wallMs();
  if (now < earliestWallMs)
    return failed('clock.sane', `the clock says ${new Date(now).toISOString()}`, 'Set the clock; run a time service.');
  const probe = makeProbe(nearestExisting(directory));
  // Where nothing can be written, `data.writable` says why.
  if (probe === null) return ok('clock.sane', `${new Date(now).toISOString()}, not compared with the disk`);
  try {
    writeFileSync(join(probe, 'now'), '');
    const drift = Math.abs(statSync(join(probe, 'now')).mtimeMs - now);
    if (drift <= clockToleranceMs) return ok('clock.sane', new Date(now).toISOString());
    return warning(
      'clock.sane',
      `the disk's clock differs by ${Math.round(drift / 1_000)} s`,
      'Run a time service on both machines.',
    );
  } finally {
    rmSync(probe, { recursive: true });
  }
}

function makeProbe(directory: string): string | null {
  try {
    return mkdtempSync(join(directory, '.paceline-doctor-'));
  } catch {
    return null;
  }
}

/** The ports of the engine; `served` are the addresses at which it answers now. */
export async function checkPorts(config: Config, served: readonly (string | null)[]): Promise<CheckResult[]> {
  const isOurs = (port: number): boolean => served.some((address) => address?.endsWith(`:${port}`));
  const { http, clickhouse } = config;
  const httpPort = await checkPort('port.http', http.host, http.port, isOurs(http.port));
  const results = [httpPort];
  if (clickhouse.url === null)
    results.push(await checkPort('port.clickhouse', '127.0.0.1', clickhouse.port, isOurs(clickhouse.port)));
  const doors = servingPort(config);
  if (isServing(config)) results.push(await checkPort('port.serving', config.serving.host, doors, isOurs(doors)));
  return results;
}

/** Directories beside the data that the configuration names: others may share them. */
export function checkSharedDirectories({ bronze, redis, snapshots }: Config): CheckResult[] {
  const results: CheckResult[] = [];
  if (bronze.enabled && bronze.warehouse !== null && !bronze.warehouse.startsWith('s3://'))
    results.push(
      checkWritable(bronze.warehouse, 'bronze.writable', 'bronze.warehouse'),
      checkDisk(bronze.warehouse, 'bronze.disk'),
    );
  if (redis.url !== null && snapshots.directory !== null)
    results.push(
      checkWritable(snapshots.directory, 'snapshots.writable', 'snapshots.directory'),
      checkDisk(snapshots.directory, 'snapshots.disk'),
    );
  return results;
}
