import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertEvents, deadLetters, type Row, type Table } from '../../src/rows/tables.ts';
import type { TableRows } from '../oracle/rows.ts';
import type { LogTopics } from './compare-directory.ts';

/** Rows of the record topics. `repeated` are places (lane, version, index) that came again with the same row, which is kept once. */
export interface TopicRows {
  readonly rows: Pick<TableRows, 'alert_events' | 'dead_letters'>;
  readonly repeated: readonly string[];
}

/** Reads the topics of results line by line, as `tail -f` would. */
export function readTopics(
  logDirectory: string,
  { alerts, deadLetters: refused }: Pick<LogTopics, 'alerts' | 'deadLetters'>,
): TopicRows {
  const repeated: string[] = [];
  return {
    rows: {
      alert_events: readTopic(logDirectory, alerts, alertEvents, [], repeated),
      dead_letters: readTopic(logDirectory, refused, deadLetters, ['key', 'raw'], repeated),
    },
    repeated,
  };
}

type Json = string | number | null;

function readTopic(dir: string, topic: string, table: Table, raw: readonly string[], repeated: string[]): Row[] {
  const seen = new Map<string, string>();
  return linesOf(join(dir, topic)).flatMap((line) => {
    const { value } = JSON.parse(line) as { value: Record<string, Json> & { delivery: unknown } };
    const place = `${topic} ${JSON.stringify(value.delivery)} ${value.version}`;
    const text = JSON.stringify(value);
    if (seen.get(place) === text) {
      repeated.push(place);
      return [];
    }
    seen.set(place, text);
    return [
      Object.fromEntries(
        table.columns.map(({ name, type }) => [name, readValue(value[name], type, raw.includes(name))]),
      ),
    ];
  });
}

function readValue(value: Json, type: string, isRaw: boolean): Row[string] {
  if (value === null) return null;
  if (isRaw) return new Uint8Array(Buffer.from(String(value), 'base64'));
  return /Int64|DateTime64|Decimal/.test(type) ? BigInt(value) : value;
}

function linesOf(dir: string): string[] {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl'));
  return files.sort().flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n').filter(Boolean));
}
