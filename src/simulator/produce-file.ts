import { EngineError } from '../model/errors.ts';
import { fileTrouble } from '../model/file-trouble.ts';
import { partitionOfKey } from '../model/hash.ts';
import { memberText } from './json-member.ts';
import { linesOfFile } from './lines-of-file.ts';
import type { RecordAppender } from './produce-records.ts';

interface ProduceFileOptions {
  /** Log time of records that name none; on a replayed log every record must name its own. */
  readonly defaultLogTimeMs?: () => number;
  readonly onProgress?: (records: number) => void;
}

const flushEveryBytes = 8 * 1024 * 1024;
const members = new Set(['key', 'value', 'log_time', 'partition']);

interface Line {
  readonly key: string | null;
  readonly value: string;
  readonly logTimeMs: number | undefined;
  readonly partition: number | undefined;
}

/**
 * Appends a file of JSON lines, each `{"key": "<org_id>", "value": {…}}` with an optional `log_time`
 * (epoch ms or ISO text) and `partition`. The value goes on as it is: whether it is a good event is the
 * decoder's to say. Resolves with the count of records. Throws USAGE with `file:line` for a line
 * that is no record; the lines before it are in the log.
 */
export async function produceFile(
  path: string,
  log: RecordAppender,
  options: ProduceFileOptions = {},
): Promise<number> {
  let number = 0;
  let records = 0;
  try {
    for await (const text of linesOfFile(path)) {
      number += 1;
      if (text === null) throw refuse(`${path}:${number}`, 'a line is text in UTF-8, of 64 MiB at most');
      if (text.trim() === '') continue;
      appendLine(log, readLine(text, `${path}:${number}`), `${path}:${number}`, options);
      records += 1;
      if (log.bufferedBytes < flushEveryBytes) continue;
      await log.flush();
      options.onProgress?.(records);
    }
  } catch (cause) {
    await log.flush();
    if (cause instanceof EngineError) throw cause;
    throw new EngineError('USAGE', fileTrouble(cause, path), {
      cause,
    });
  }
  await log.flush();
  options.onProgress?.(records);
  return records;
}

function appendLine(log: RecordAppender, line: Line, place: string, options: ProduceFileOptions): void {
  const key = line.key === null ? null : Buffer.from(line.key, 'utf8');
  const partition = line.partition ?? (key === null ? undefined : partitionOfKey(key, 0, key.length, log.partitions));
  if (partition === undefined) throw refuse(place, 'a record with a null key names its "partition"');
  if (partition >= log.partitions) throw refuse(place, `partition ${partition}: the log has ${log.partitions}`);
  const logTimeMs = line.logTimeMs ?? options.defaultLogTimeMs?.();
  if (logTimeMs === undefined) throw refuse(place, '"log_time" is missing; a replayed log takes it from the record');
  log.add(partition, logTimeMs, key, Buffer.from(line.value, 'utf8'));
}

function readLine(text: string, place: string): Line {
  const fields = parse(text, place);
  const unknown = Object.keys(fields).find((name) => !members.has(name));
  if (unknown !== undefined) throw refuse(place, `unknown member "${unknown}"; known: ${[...members].join(', ')}`);
  const { key = null, value, partition } = fields;
  if (key !== null && typeof key !== 'string') throw refuse(place, '"key" is the org_id as text, or null');
  if (typeof value !== 'object' || value === null) throw refuse(place, '"value" is the event, a JSON object');
  if (partition !== undefined && !(Number.isSafeInteger(partition) && (partition as number) >= 0)) {
    throw refuse(place, '"partition" is a whole number from 0');
  }
  return {
    key,
    value: memberText(text, 'value') ?? '',
    logTimeMs: readTime(fields.log_time, place),
    partition: partition as number,
  };
}

function parse(text: string, place: string): Record<string, unknown> {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch (cause) {
    const at = /position (\d+)/.exec(String(cause))?.[1];
    const where = at === undefined ? place : `${place}:${Number(at) + 1}`;
    throw new EngineError('USAGE', `${where}: this is no JSON; a line is one object with "key" and "value"`, { cause });
  }
  if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) return fields as Record<string, unknown>;
  throw refuse(place, 'a line is one JSON object with "key" and "value"');
}

function readTime(value: unknown, place: string): number | undefined {
  if (value === undefined) return undefined;
  const ms = typeof value === 'string' ? Date.parse(value) : value;
  if (typeof ms === 'number' && Number.isSafeInteger(ms)) return ms;
  throw refuse(place, '"log_time" is whole epoch milliseconds or an ISO-8601 text');
}

function refuse(place: string, message: string): EngineError {
  return new EngineError('USAGE', `${place}: ${message}`);
}
