import { isUtf8 } from 'node:buffer';
import { parseRecordSchema } from '../events/avro/schema.ts';
import type { EventBatch, RejectReason } from '../events/event-batch.ts';
import { type KindName, kinds } from '../events/kinds.ts';
import { internalErrorDetail, RecordFailures } from '../events/record-failures.ts';
import type { RecordRun, Unreadable } from '../events/record-run.ts';
import { BoundedMap } from '../model/bounded-map.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { compileRowReader, type ReadRow } from './avro-columns.ts';
import { AvroCursor } from './avro-cursor.ts';
import { compileObjectReader, type ReadObject } from './avro-object.ts';
import type { Decoder, SchemaRegistry, WriterSchema } from './decoder.ts';
import { BadField, clearRow, type Fields, fillRow } from './event-fields.ts';
import { kindOfRecord, readerSchema } from './event-schemas.ts';
import { SchemaQuestions } from './schema-questions.ts';
import { quoted, shown } from './shown-value.ts';

/** How records of one writer schema are read: by exactly one of the three. */
interface Reader {
  readonly readRow: ReadRow | null;
  /** Tells at which field a record of `readRow` cannot be read; made when the first one cannot. */
  readonly locate: (() => ReadObject) | null;
  readonly readObject: { readonly kind: KindName; readonly read: ReadObject } | null;
  /** Its records are dead letters. */
  readonly refused: { readonly reason: RejectReason; readonly detail: string } | null;
}

const framingBytes = 5;
/** An id that was not known is asked for again when a record this much later (log time) has it. */
const unknownAgainMs = 60_000;
const openingBrace = 0x7b;
/** A power of two; an event has a dozen kinds, and ids of one topic lie close together. */
const recentReaders = 16;

export function createDecoder(registry: SchemaRegistry): Decoder {
  return new EventDecoder(registry);
}

/** Avro in Confluent framing and JSON objects, told apart by the first byte of the value. */
class EventDecoder implements Decoder {
  readonly #registry: SchemaRegistry;
  readonly #readers = new BoundedMap<number, Reader>(limits.schemasKeptMax);
  /** Log time of the record for which an id, unknown so far, was last asked. */
  readonly #askedAt = new BoundedMap<number, number>(limits.schemasKeptMax);
  readonly #questions = new SchemaQuestions();
  readonly #cursor = new AvroCursor();
  /** Readers met lately, by the last bits of their id: records of a few kinds take turns. */
  readonly #recent: (Reader | undefined)[] = new Array<Reader | undefined>(recentReaders);
  readonly #recentIds = new Int32Array(recentReaders).fill(-1);

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  decode(run: RecordRun, batch: EventBatch): number {
    batch.reset(run.count);
    batch.topic = run.topic;
    batch.partition = run.partition;
    batch.nextOffset = run.nextOffset;
    batch.offsets.set(run.offsets);
    batch.logTimes.set(run.logTimes);
    if (run.unreadable !== null) return refuseRun(run, run.unreadable, batch);
    try {
      return this.#rows(run, batch, 0, run.count);
    } catch {
      // Decoding changes nothing but the batch, so the run is decoded again, each record on its own.
      batch.reset(run.count);
      return this.#guardedRows(run, batch);
    }
  }

  /** Decodes records [from, to); returns a schema id to learn first, else -1. */
  #rows(run: RecordRun, batch: EventBatch, from: number, to: number): number {
    for (let row = from; row < to; row++) {
      const missing = this.#row(run, batch, row);
      if (missing >= 0) return missing;
      batch.keyOrgs[row] = keyOrgOf(run, batch, row);
    }
    return -1;
  }

  /** A record over which we stumble is a dead letter; the others of its run are read as ever. */
  #guardedRows(run: RecordRun, batch: EventBatch): number {
    const failures = new RecordFailures('decode', run);
    for (let row = 0; row < run.count; row++) {
      try {
        const missing = this.#rows(run, batch, row, row + 1);
        if (missing >= 0) return missing;
      } catch (error) {
        failures.note(row, error);
        reject(batch, row, 'internal_error', internalErrorDetail);
        batch.keyOrgs[row] = keyOrgOf(run, batch, row);
      }
    }
    failures.publish();
    return -1;
  }

  async learn(schemaId: number): Promise<void> {
    const schema = await this.#registry.schema(schemaId);
    this.#questions.answered(schemaId, schema !== null);
    this.#readers.set(schemaId, schema === null ? unknownSchema(schemaId) : readerOf(schema, schemaId));
    this.#recentIds[schemaId & (recentReaders - 1)] = -1;
  }

  /** Decodes one record; returns a schema id to learn first, else -1. */
  #row(run: RecordRun, batch: EventBatch, row: number): number {
    const start = run.valueStarts[row];
    const end = run.valueEnds[row];
    batch.schemaIds[row] = -1;
    if (start < 0 || start === end) reject(batch, row, 'empty_value', 'the record has no value');
    else if (end - start > limits.recordBytesMax) {
      reject(
        batch,
        row,
        'too_large',
        `the value has ${end - start} bytes, at most ${limits.recordBytesMax} are allowed`,
      );
    } else if (run.bytes[start] === 0) return this.#avro(run, start, end, batch, row);
    else if (run.bytes[start] === openingBrace) this.#json(run.bytes, start, end, batch, row);
    else if (run.bytes[startOfJson(run.bytes, start, end)] === openingBrace) {
      this.#json(run.bytes, startOfJson(run.bytes, start, end), end, batch, row);
    } else reject(batch, row, 'bad_framing', 'the value starts neither with a zero byte (Avro) nor with { (JSON)');
    return -1;
  }

  #avro(run: RecordRun, start: number, end: number, batch: EventBatch, row: number): number {
    const { bytes } = run;
    if (end - start < framingBytes) {
      reject(batch, row, 'bad_framing', 'the value ends inside the schema id');
      return -1;
    }
    const id = (bytes[start + 1] << 24) | (bytes[start + 2] << 16) | (bytes[start + 3] << 8) | bytes[start + 4];
    if (id < 0) return this.#rejectId(batch, row, id);
    const place = id & (recentReaders - 1);
    const reader = this.#recentIds[place] === id ? this.#recent[place] : this.#readers.get(id);
    if (reader === undefined || (reader.refused !== null && this.#isDueAgain(reader, id, run.logTimes[row]))) {
      const { orgs } = batch.dictionaries;
      const owner = run.keyStarts[row] < 0 ? -1 : orgs.find(bytes, run.keyStarts[row], run.keyEnds[row]);
      if (!this.#questions.mayAsk(run, owner, id, run.logTimes[row])) return refuseUnasked(batch, row, id);
      this.#askedAt.set(id, run.logTimes[row]);
      return id;
    }
    this.#recentIds[place] = id;
    this.#recent[place] = reader;
    batch.schemaIds[row] = id;
    if (reader.refused !== null) reject(batch, row, reader.refused.reason, reader.refused.detail);
    else this.#read(reader, bytes, start + framingBytes, end, batch, row);
    return -1;
  }

  #isDueAgain(reader: Reader, id: number, logTimeMs: number): boolean {
    if (reader.refused?.reason !== 'unknown_schema') return false;
    return logTimeMs - (this.#askedAt.get(id) ?? logTimeMs) >= unknownAgainMs;
  }

  #rejectId(batch: EventBatch, row: number, id: number): number {
    reject(batch, row, 'unknown_schema', `schema id ${id} is negative`);
    return -1;
  }

  #read(reader: Reader, bytes: Uint8Array, start: number, end: number, batch: EventBatch, row: number): void {
    const cursor = this.#cursor;
    const { readRow, readObject } = reader;
    cursor.begin(bytes, start, end);
    const fields = readObject === null ? null : readObject.read(cursor);
    if (readRow !== null) readRow(cursor, batch, row);
    cursor.finish();
    if (cursor.problem !== null) this.#rejectField(reader, bytes, start, end, batch, row);
    else if (readObject !== null && fields !== null) fill(batch, row, readObject.kind, fields);
  }

  /** The sentence names the field: where the reader gave up, or where one gives up that goes field by field. */
  #rejectField(reader: Reader, bytes: Uint8Array, start: number, end: number, batch: EventBatch, row: number): void {
    const cursor = this.#cursor;
    const { problem, detail } = cursor;
    if (problem === 'trailing_bytes') return reject(batch, row, problem, detail);
    if (reader.locate !== null) {
      cursor.begin(bytes, start, end);
      reader.locate()(cursor);
    }
    const field = cursor.failedField;
    const isNamed = field === null || detail.startsWith(`${field} `);
    reject(batch, row, problem ?? 'bad_field', isNamed ? detail : `${shortName(field)}: ${detail}`);
  }

  #json(bytes: Uint8Array, start: number, end: number, batch: EventBatch, row: number): void {
    const value = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    // Letters that are none would be read as U+FFFD, in a name as well as in its neighbour's.
    if (!isUtf8(value)) return reject(batch, row, 'bad_json', 'the value is not UTF-8');
    const fields = parseObject(value.toString('utf8'));
    if (fields === null) return reject(batch, row, 'bad_json', 'the value is not one JSON object');
    const { type } = fields;
    if (typeof type !== 'string') return reject(batch, row, 'bad_field', `type must be text, it is ${shown(type)}`);
    if (!Object.hasOwn(kinds, type)) {
      return reject(batch, row, 'not_ours', `type ${quoted(type)} is not an event`);
    }
    fill(batch, row, type as KindName, fields);
  }
}

/** The one record of a run that stands for what could not be read. */
function refuseRun(run: RecordRun, { reason, detail }: Unreadable, batch: EventBatch): number {
  batch.schemaIds[0] = -1;
  reject(batch, 0, reason, detail);
  batch.keyOrgs[0] = keyOrgOf(run, batch, 0);
  return -1;
}

/** In `keyOrgs`: the key is no organization that any record of the lane ever named. */
const unknownKey = -2;

/** The organization that the key names; nearly always the value's own, so that one is asked first. */
function keyOrgOf(run: RecordRun, batch: EventBatch, row: number): number {
  const start = run.keyStarts[row];
  if (start < 0) return -1;
  const { orgs } = batch.dictionaries;
  const end = run.keyEnds[row];
  const org = batch.orgs[row];
  if (org >= 0 && orgs.isAt(org, run.bytes, start, end)) return org;
  const found = orgs.find(run.bytes, start, end);
  return found >= 0 ? found : unknownKey;
}

function refuseUnasked(batch: EventBatch, row: number, id: number): number {
  const many = `more than ${limits.unknownSchemasPerMinuteMax} ids that it does not know came in a minute`;
  batch.schemaIds[row] = id;
  reject(batch, row, 'unknown_schema', `the registry was not asked for schema id ${id}: ${many}`);
  return -1;
}

function fill(batch: EventBatch, row: number, name: KindName, fields: Fields): void {
  try {
    fillRow(batch, row, name, fields);
  } catch (cause) {
    if (!(cause instanceof BadField)) throw cause;
    reject(batch, row, cause.reason, cause.message);
  }
}

function reject(batch: EventBatch, row: number, reason: RejectReason, detail: string): void {
  const schemaId = batch.schemaIds[row];
  clearRow(batch, row);
  batch.details.delete(row);
  batch.rejects.push({ row, reason, detail, schemaId });
}

function parseObject(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
  } catch {
    return null; // SyntaxError is the answer: not JSON.
  }
}

/** Behind a byte order mark and blanks, which editors and printers leave. */
function startOfJson(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  if (bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3;
  while (at < end && isBlank[bytes[at]] === 1) at += 1;
  return at < end ? at : start;
}

/** What JSON takes for blanks. */
const isBlank = Uint8Array.from({ length: 256 }, (_, byte) => (' \t\r\n'.includes(String.fromCharCode(byte)) ? 1 : 0));

/** Names of a remote schema's fields may be as long as it likes. */
function shortName(name: string): string {
  return name.slice(0, 64).toWellFormed();
}

function unknownSchema(id: number): Reader {
  return refusing('unknown_schema', `schema id ${id} is not in the registry`);
}

function refusing(reason: RejectReason, detail: string): Reader {
  return { readRow: null, locate: null, readObject: null, refused: { reason, detail } };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** A schema that cannot be resolved against ours refuses its records; both sides are named. */
function readerOf({ json, references }: WriterSchema, id: number): Reader {
  try {
    const writer = parseRecordSchema(json, `schema id ${id}`, references);
    const name = kindOfRecord(writer.name);
    if (name === null) return refusing('not_ours', `schema id ${id} is ${writer.name}, not an event`);
    const reader = readerSchema(name);
    if (kinds[name].isHot) {
      const locate = once(() => compileObjectReader(writer, reader));
      return { readRow: compileRowReader(name, writer, reader), locate, readObject: null, refused: null };
    }
    const read = compileObjectReader(writer, reader);
    return { readRow: null, locate: null, readObject: { kind: name, read }, refused: null };
  } catch (cause) {
    if (!(cause instanceof EngineError) || cause.code !== 'SCHEMA_UNRESOLVABLE') throw cause;
    const named = `schema id ${id}`;
    // What the parser says names it already.
    const message = cause.message.startsWith(named) ? cause.message : `${named}: ${cause.message}`;
    return refusing('schema_mismatch', message);
  }
}
