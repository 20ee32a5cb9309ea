import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLayerTools } from '../../../src/adapters/lake/layer-tools.ts';
import { openLake } from '../../../src/adapters/lake/open-lake.ts';
import { writeSimulatedLog } from '../../../src/adapters/log/simulated-log.ts';
import { openTablesForReading } from '../../../src/adapters/log/visits.ts';
import { type Config, loadConfig } from '../../../src/adapters/settings.ts';
import { embeddedTablesDirectory } from '../../../src/adapters/tables.ts';
import { openQueries } from '../../../src/app.ts';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../../src/control/query-client.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { startEmbeddedClickHouse } from '../../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import { currentSchema } from '../../../src/lakehouse/format/table-metadata.ts';
import { historyName, tables } from '../../../src/rows/tables.ts';
import { byOrganization, type Tally, TallyMaker } from './tally.ts';

const root = join(import.meta.dirname, '../../..');
export const mainFile = join(root, 'src/main.ts');
export const silent = makeLogger({ level: 'silent', clock: systemClock });

export type TextRow = Record<string, string>;

interface NamedTable {
  readonly name: string;
  readonly key: readonly string[];
}

/** A data directory that an engine has worked off, of a world in the past of this machine's clock. */
export class WorkedDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'paceline-worked-'));
  readonly config: Config;

  private constructor(settings: Record<string, unknown> = {}) {
    const shippedConfigDirectory = join(root, 'config');
    const overrides = { ...settings, data_directory: this.path };
    this.config = loadConfig([], { shippedConfigDirectory, overrides }).config;
  }

  /** `settings`: where the lake and its audit log are; `prepare`: what comes before the engine. */
  static async make(
    seed: number,
    settings: Record<string, unknown> = {},
    prepare: (made: WorkedDirectory) => Promise<void> = async () => {},
    size: { readonly days: number; readonly campaigns: number; readonly organizations?: number } = {
      days: 2,
      campaigns: 12,
    },
  ): Promise<WorkedDirectory> {
    const made = new WorkedDirectory(settings);
    await prepare(made);
    const world = { seed, ...size, partitions: 2, encoding: 'binary' } as const;
    await writeSimulatedLog({ dir: made.path, ...world, plans: made.config.plans, clock: systemClock });
    // A file names no key of a store, and the rules of these worlds are files.
    const { postgres: _, s3 = {}, ...others } = settings as { s3?: Record<string, unknown>; postgres?: unknown };
    const secret = String(s3.secret_access_key ?? '');
    const hidden = secret === '' ? s3 : { ...s3, secret_access_key: '${env:WORKED_SECRET}' };
    const whole = { http: { port: 0 }, clickhouse: { port: 0 }, s3: hidden, ...others };
    const file = join(made.path, 'paceline.yaml');
    writeFileSync(file, JSON.stringify(whole));
    const engine = spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', mainFile, 'run', '--config', file, '--data', made.path, '--until-end'],
      { encoding: 'utf8', cwd: root, env: { ...process.env, WORKED_SECRET: secret } },
    );
    if (engine.status !== 0) throw new Error(`the engine ended with ${engine.status}: ${engine.stderr.slice(-2_000)}`);
    return made;
  }

  /** The lake of a copy lies where this one's does not. */
  copy(): WorkedDirectory {
    const made = new WorkedDirectory();
    for (const part of ['log', 'clickhouse', 'state.sqlite'])
      cpSync(join(this.path, part), join(made.path, part), { recursive: true });
    return made;
  }

  /** What tables of ClickHouse say, by key; all of the model by default. */
  hot(wanted: readonly NamedTable[] = tables): Promise<Map<string, TextRow[]>> {
    return held(this.#hotRows(wanted), wanted);
  }

  /** The same in numbers, of a world that is too large to be held. */
  hotTally(wanted: readonly NamedTable[] = tables): Promise<Tally> {
    return counted(this.#hotRows(wanted));
  }

  async *#hotRows(wanted: readonly NamedTable[]): AsyncGenerator<Found> {
    const reading = await openTablesForReading(this.config, { clock: systemClock, log: silent });
    const ask = async (sql: string) => rowsOf(await askClickHouse(reading.endpoint, sql));
    try {
      for (const { name } of wanted)
        for await (const rows of byOrganization(`ads.${name} FINAL`, ask)) yield { name, rows };
    } finally {
      await reading.close();
    }
  }

  /** What the view of all times of a table says, by key. */
  async history({ name, key }: NamedTable): Promise<TextRow[]> {
    await using queries = await openQueries(this.config, silent, systemClock);
    return plain(rowsOf(await queries.ask(`SELECT * FROM ${historyName({ name })}`)), key);
  }

  /** What tables of gold say, by key. */
  gold(wanted: readonly NamedTable[] = tables): Promise<Map<string, TextRow[]>> {
    return held(this.#goldRows(wanted), wanted);
  }

  goldTally(wanted: readonly NamedTable[] = tables): Promise<Tally> {
    return counted(this.#goldRows(wanted));
  }

  async *#goldRows(wanted: readonly NamedTable[]): AsyncGenerator<Found> {
    await using tools = await openLayerTools(this.config);
    const lake = await openLake(this.config);
    const quotedWide = 'SETTINGS output_format_json_quote_64bit_integers = 1';
    try {
      for (const { name } of wanted) {
        const state = await lake.catalog.table({ namespace: 'gold', table: name }).load();
        if (state === null || state.metadata.snapshots.length === 0) continue;
        const ask = (sql: string) => tools.engine.run(sql);
        // Receipts are of no organization alone.
        if (!currentSchema(state.metadata).fields.some((field) => field.name === 'org_id'))
          yield { name, rows: await ask(`SELECT * FROM ${tools.sqlOf(state)} ${quotedWide}`) };
        else for await (const rows of byOrganization(tools.sqlOf(state), ask, quotedWide)) yield { name, rows };
      }
    } finally {
      await lake.close();
    }
  }

  async hotRows(name: string, key: readonly string[]): Promise<TextRow[]> {
    return (await this.hot([{ name, key }])).get(name) ?? [];
  }

  async goldRows(name: string, key: readonly string[]): Promise<TextRow[]> {
    return (await this.gold([{ name, key }])).get(name) ?? [];
  }

  /** Statements that change ClickHouse. */
  async change(...statements: string[]): Promise<void> {
    const dir = embeddedTablesDirectory(this.path);
    const server = await startEmbeddedClickHouse({ dir, port: 0, clock: systemClock });
    try {
      const write = { url: server.url, headers: { 'x-clickhouse-key': server.writeToken } };
      for (const statement of statements) await askClickHouse(write, statement);
    } finally {
      await server.stop();
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Some rows of a table. */
interface Found {
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

async function held(found: AsyncIterable<Found>, wanted: readonly NamedTable[]): Promise<Map<string, TextRow[]>> {
  const all = new Map<string, Readonly<Record<string, unknown>>[]>(wanted.map(({ name }) => [name, []]));
  for await (const { name, rows } of found) all.get(name)?.push(...rows);
  return new Map(wanted.map(({ name, key }) => [name, plain(all.get(name) ?? [], key)]));
}

async function counted(found: AsyncIterable<Found>): Promise<Tally> {
  const tally = new TallyMaker();
  for await (const { name, rows } of found) for (const row of rows) tally.add(name, inText(row));
  return tally.done();
}

function inText(row: Readonly<Record<string, unknown>>): TextRow {
  const values = Object.entries(row).map(([name, value]) => [name, String(value).replace(/(\.\d{3})000$/, '$1')]);
  return Object.fromEntries(values) as TextRow;
}

/** Rows in text, by key; instants without the digits that only one of the two has. */
export function plain(rows: readonly Readonly<Record<string, unknown>>[], key: readonly string[]): TextRow[] {
  const texts = rows.map(inText);
  const keyOf = (row: TextRow) => key.map((name) => row[name]).join('/');
  return texts.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
