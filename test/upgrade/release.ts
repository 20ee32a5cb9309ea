import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '../../src/control/system-clock.ts';
import { startEmbeddedClickHouse } from '../../src/embedded-clickhouse/start-embedded-clickhouse.ts';

export type TableRow = Readonly<Record<string, unknown>>;
export type Tables = ReadonlyMap<string, readonly TableRow[]>;

const root = join(import.meta.dirname, '..', '..');
const fixtures = join(root, 'test', 'fixtures', 'release-0.1');
const program = ['--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts')];
/** First offset that version 0.1 had not committed when it was killed, by partition. */
const committed = [805, 2135];

export function readFixture(name: string): Buffer {
  const bytes = readFileSync(join(fixtures, name));
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** A directory with what version 0.1 left; gone when disposed of. */
export function unpackRelease(): { readonly dir: string; readonly data: string } & Disposable {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-upgrade-'));
  const { status, stderr } = spawnSync('tar', ['-xzf', join(fixtures, 'data-directory.tar.gz'), '-C', dir]);
  if (status !== 0) throw new Error(`tar: ${String(stderr)}`);
  return { dir, data: dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

export interface Life {
  readonly code: number | null;
  readonly log: string;
}

/**
 * `paceline run --until-end` of this version on the directory, to its end or, by kill -9, when its log
 * says `killAt`.
 */
export async function live(data: string, options: { killAt?: RegExp; redisUrl?: string } = {}): Promise<Life> {
  const config = join(data, 'upgrade.yaml');
  // The directory's bronze was left out.
  const redis = options.redisUrl === undefined ? '' : `redis: {url: "\${env:UPGRADE_REDIS}"}\n`;
  writeFileSync(config, `http: {port: 0}\nclickhouse: {port: 0}\nbronze: {enabled: false}\n${redis}`);
  const child = spawn(process.execPath, [...program, 'run', '--config', config, '--data', data, '--until-end'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...(options.redisUrl === undefined ? {} : { UPGRADE_REDIS: options.redisUrl }) },
  });
  const lines: string[] = [];
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (options.killAt?.test(line)) child.kill('SIGKILL');
  });
  return { code: await ended, log: lines.join('\n') };
}

/** Another command of this version on the directory. */
export async function runCommand(
  data: string,
  name: string,
  ...flags: string[]
): Promise<{ code: number; out: string }> {
  const child = spawn(process.execPath, [...program, name, '--data', data, ...flags], { cwd: data });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (out += text));
  const code = await new Promise<number>((resolve, reject) => child.once('error', reject).once('close', resolve));
  return { code, out };
}

/** The tables of a data directory at rest, as FINAL shows them, in the columns of version 0.1. */
export async function readTables(data: string): Promise<Tables> {
  const expected = [...expectedTables()];
  const queries = expected.map(([table, rows]) => {
    const columns = Object.keys(rows[0]).map((name) => `\`${name}\``);
    return `SELECT ${columns.join(', ')} FROM ads.${table} FINAL ORDER BY ALL`;
  });
  const answers = await queryTables(data, queries);
  return new Map(expected.map(([table], index) => [table, answers[index]]));
}

/** Answers of the tables of a data directory at rest. */
export async function queryTables(data: string, queries: readonly string[]): Promise<TableRow[][]> {
  const server = await startEmbeddedClickHouse({ dir: join(data, 'clickhouse'), port: 0, clock: systemClock });
  try {
    const answers: TableRow[][] = [];
    for (const query of queries) {
      const headers = { 'X-ClickHouse-Key': server.readToken };
      const response = await fetch(server.url, { method: 'POST', headers, body: `${query} FORMAT JSONEachRow` });
      answers.push(linesOf(await response.text()));
    }
    return answers;
  } finally {
    await server.stop();
  }
}

/** What version 0.1 itself made of the whole log. */
export function expectedTables(): Tables {
  const tables = new Map<string, TableRow[]>();
  for (const { table, ...row } of linesOf(readFixture('expected.jsonl.gz').toString('utf8'))) {
    const name = String(table);
    if (!tables.has(name)) tables.set(name, []);
    tables.get(name)!.push(row);
  }
  return tables;
}

/** True for a row that version 0.1 had committed before it was killed. */
export function isOfBefore(row: TableRow): boolean {
  const offset = Number(BigInt(String(row.version)) & ((1n << 48n) - 1n));
  return offset < committed[Number(row.partition)];
}

function linesOf(text: string): TableRow[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TableRow);
}
