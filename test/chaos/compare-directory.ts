import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { QueryEndpoint } from '../../src/control/query-client.ts';
import { alertsTopic, deadLettersTopic, eventsTopic } from '../../src/model/ids.ts';
import { type Difference, diffTables } from '../oracle/compare.ts';
import { decodeEither, releasedSchemas } from '../oracle/decode-avro.ts';
import { mergeTables } from '../oracle/fold.ts';
import { LaneOracle } from '../oracle/lane-oracle.ts';
import type { TableRows } from '../oracle/rows.ts';
import { StoredLog } from './read-log.ts';
import { countAmbiguous, readTables } from './read-tables.ts';
import { readTopics } from './read-topic.ts';

/** How one store of results differs from what the log says. */
export interface Finding {
  readonly compared: number;
  readonly lost: number;
  readonly wrong: number;
  readonly extra: number;
  readonly examples: readonly string[];
}

/** By name: the tables, the record topics, and bronze. */
export type Findings = Readonly<Record<string, Finding>>;

export interface Expected {
  readonly records: number;
  readonly rows: TableRows;
}

/** What the topics are called. */
export interface LogTopics {
  readonly events: string;
  readonly alerts: string;
  readonly deadLetters: string;
}

const usualTopics: LogTopics = { events: eventsTopic, alerts: alertsTopic, deadLetters: deadLettersTopic };
const examplesMax = 10;

/** Folds the log of a data directory by docs/semantics.md; nobody writes it meanwhile. */
export async function foldDirectory(
  directory: string,
  options: {
    readonly generation: number;
    readonly onProgress?: (records: number) => void;
    readonly topic?: string;
    /** By the id that the records say; absent = our own ids. */
    readonly schemas?: ReadonlyMap<number, unknown>;
  },
): Promise<Expected> {
  await using log = await StoredLog.open(join(directory, 'log'), options.topic ?? eventsTopic);
  const decode = decodeEither(options.schemas ?? releasedSchemas());
  const { partitions, topic } = log;
  const lanes: TableRows[] = [];
  let records = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const oracle = new LaneOracle({ topic, partition }, { partitions, generation: options.generation, decode });
    for await (const record of log.records(partition)) {
      oracle.apply(record);
      records += 1;
      if (records % 10_000 === 0) options.onProgress?.(records);
    }
    lanes.push(oracle.tables());
  }
  return { records, rows: mergeTables(lanes) };
}

/**
 * Compares all that a data directory holds with the fold of its log. `endpoint` shows its tables.
 * `mayRepeat`: topics of results may hold a row again, as when a lane moves between two engines.
 */
export async function compareDirectory(
  directory: string,
  expected: Expected,
  options: {
    readonly endpoint: QueryEndpoint;
    readonly withBronze: boolean;
    readonly topics?: LogTopics;
    readonly mayRepeat?: boolean;
  },
): Promise<Findings> {
  const { topics = usualTopics } = options;
  const rows = await readTables(options.endpoint);
  const findings: Record<string, Finding> = {};
  const differences = diffTables(expected.rows, rows, { anyDecoderReason: true });
  for (const [name, { length }] of Object.entries(expected.rows)) {
    const own = differences.filter(({ table }) => table === name);
    findings[name] = countDifferences(length, own);
  }
  for (const [name, ambiguous] of Object.entries(await countAmbiguous(options.endpoint)))
    if (ambiguous > 0) findings[name] = addAmbiguous(findings[name], name, ambiguous);
  Object.assign(findings, compareTopics(join(directory, 'log'), rows, topics, options.mayRepeat ?? false));
  if (options.withBronze) findings.bronze = await compareBronze(directory, topics.events);
  return findings;
}

/** Records of alerts and dead letters: the rows of their tables, each delivered once, or at least once. */
function compareTopics(
  logDirectory: string,
  rows: TableRows,
  names: LogTopics,
  mayRepeat: boolean,
): Record<string, Finding> {
  const topics = readTopics(logDirectory, names);
  const { alert_events, dead_letters } = rows;
  const finding = (name: string, table: Partial<TableRows>, own: Partial<TableRows>, length: number): Finding => {
    const found = countDifferences(length, diffTables(table, own));
    const again = mayRepeat ? [] : topics.repeated.filter((address) => address.startsWith(`${name} `));
    return { ...found, extra: found.extra + again.length, examples: [...found.examples, ...again.slice(0, 3)] };
  };
  return {
    [names.alerts]: finding(names.alerts, { alert_events }, topics.rows, alert_events.length),
    [names.deadLetters]: finding(names.deadLetters, { dead_letters }, topics.rows, dead_letters.length),
  };
}

async function compareBronze(directory: string, topic: string): Promise<Finding> {
  const script = join(import.meta.dirname, 'bronze-with-chdb.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, directory, topic], {
    maxBuffer: 16 * 1024 * 1024,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Finding;
}

/** A wrong row is one row, however many of its columns differ. */
export function countDifferences(compared: number, differences: readonly Difference[]): Finding {
  const rowsThat = (kind: Difference['what']) =>
    new Set(differences.filter(({ what }) => what === kind).map(({ key }) => key)).size;
  return {
    compared,
    lost: rowsThat('lost'),
    wrong: rowsThat('wrong'),
    extra: rowsThat('extra'),
    examples: differences.slice(0, examplesMax).map(({ text }) => text),
  };
}

function addAmbiguous(finding: Finding, name: string, rows: number): Finding {
  const example = `${name}: ${rows} rows with the same key and version but other bytes`;
  return { ...finding, wrong: finding.wrong + rows, examples: [...finding.examples, example] };
}

/** Whether nothing is lost, wrong or extra anywhere. */
export function isExact(findings: Findings): boolean {
  return Object.values(findings).every(({ lost, wrong, extra }) => lost + wrong + extra === 0);
}

/** One line a store, and what differs below it. */
export function printFindings(findings: Findings): string {
  const lines = Object.entries(findings).flatMap(([name, { compared, lost, wrong, extra, examples }]) => [
    `${name.padEnd(24)} ${String(compared).padStart(9)} compared, ${lost} lost, ${wrong} wrong, ${extra} extra`,
    ...examples.map((example) => `    ${example.slice(0, 1_000)}`),
  ]);
  return lines.join('\n');
}
