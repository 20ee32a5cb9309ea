import { z } from 'zod';
import { EngineError, type ErrorCode, errorCatalogue } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { Clock } from '../../model/time.ts';
import type { RecordAppender } from '../../simulator/produce-records.ts';
import type { EngineInfo } from '../../state/sqlite/data-directory.ts';

/** Bytes of keys and values that travel in one request. */
const requestBytesMax = 1024 * 1024;

const bytesOfText = z.base64().max(2 * limits.recordBytesMax);
/** A request: partition, log time (ms), key and value of each record. */
const sentRecords = z.array(z.tuple([z.int().min(0), z.int(), bytesOfText.nullable(), bytesOfText.nullable()]));
type SentRecord = z.infer<typeof sentRecords>[number];

const appendedAnswer = z.object({ appended: z.int() });
const refusedAnswer = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

interface AppendedInto {
  readonly log: RecordAppender;
  readonly mode: 'live' | 'replayed';
  readonly clock: Clock;
}

/**
 * The engine's side: takes the records of a request into its log; resolves once they are durable. A live log
 * stamps them, as it does what others append. Throws USAGE for a request that is none, then nothing is appended.
 */
export async function appendSent(body: string, { log, mode, clock }: AppendedInto): Promise<{ appended: number }> {
  const records = readSent(body, log.partitions);
  for (const [partition, logTimeMs, key, value] of records)
    log.add(partition, mode === 'live' ? clock.wallMs() : logTimeMs, bytesOf(key), bytesOf(value));
  await log.flush();
  return { appended: records.length };
}

function readSent(body: string, partitions: number): SentRecord[] {
  let sent: unknown;
  try {
    sent = JSON.parse(body);
  } catch (cause) {
    throw new EngineError('USAGE', 'the body is not JSON', { cause });
  }
  const read = sentRecords.safeParse(sent);
  if (!read.success) {
    const [{ path, message }] = read.error.issues;
    throw new EngineError(
      'USAGE',
      `record ${path.join('.')}: ${message}; a record is [partition, log time, key, value]`,
    );
  }
  const beyond = read.data.find(([partition]) => partition >= partitions);
  if (beyond !== undefined) throw new EngineError('USAGE', `partition ${beyond[0]}: the log has ${partitions}`);
  return read.data;
}

function bytesOf(text: string | null): Uint8Array | null {
  return text === null ? null : Buffer.from(text, 'base64');
}

/** The producer's side: the log of a data directory, written by the engine that runs on it. */
export class EngineAppender implements RecordAppender {
  readonly partitions: number;
  readonly #engine: EngineInfo;
  #records: SentRecord[] = [];
  #requests: SentRecord[][] = [];
  #requestBytes = 0;
  #bytes = 0;
  #appended = 0;

  constructor(engine: EngineInfo, partitions: number) {
    this.#engine = engine;
    this.partitions = partitions;
  }

  get bufferedBytes(): number {
    return this.#bytes;
  }

  /** The engine gives the offset. */
  add(partition: number, logTime: number, key: Uint8Array | null, value: Uint8Array | null): number {
    const bytes = (key?.length ?? 0) + (value?.length ?? 0) + 32;
    if (this.#requestBytes + bytes > requestBytesMax) this.#endRequest();
    this.#records.push([partition, logTime, textOf(key), textOf(value)]);
    this.#requestBytes += bytes;
    this.#bytes += bytes;
    return -1;
  }

  async flush(): Promise<void> {
    this.#endRequest();
    const requests = this.#requests;
    this.#requests = [];
    this.#bytes = 0;
    for (const records of requests) await this.#send(records);
  }

  #endRequest(): void {
    if (this.#records.length > 0) this.#requests.push(this.#records);
    this.#records = [];
    this.#requestBytes = 0;
  }

  async #send(records: readonly SentRecord[]): Promise<void> {
    const response = await this.#post(JSON.stringify(records));
    const text = await response.text();
    if (!response.ok) throw refusal(text, this.#appended);
    this.#appended += appendedAnswer.parse(JSON.parse(text)).appended;
  }

  async #post(body: string): Promise<Response> {
    const { addresses, tokens } = this.#engine;
    const headers = { authorization: `Bearer ${tokens.http}` };
    try {
      return await fetch(`${addresses.http}/-/append`, { method: 'POST', headers, body });
    } catch (cause) {
      throw new EngineError(
        'SOURCE_UNAVAILABLE',
        `the engine that runs on the data directory went away: ${this.#appended} records are in its log, of the next ones nobody knows; send them again, equal ids count once`,
        { cause },
      );
    }
  }
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

/** What the engine says, in its own code. */
function refusal(text: string, appended: number): EngineError {
  const said = refusedAnswer.safeParse(parsed(text));
  const { code, message } = said.success ? said.data.error : { code: 'SOURCE_UNAVAILABLE', message: text.trim() };
  const known = Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'SOURCE_UNAVAILABLE';
  return new EngineError(known, `the running engine refuses after ${appended} records: ${message}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // A person's words; they are shown as they are.
  }
}
