import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { AvroDecoder, AvroEncoder, type AvroObject, type AvroRecord, damaged } from './avro-codec.ts';

const magic = Uint8Array.of(0x4f, 0x62, 0x6a, 0x01);
const syncLength = 16;
const recordsPerBlock = 1_000;

/** An Avro object container file. `sync` is 16 random bytes; the schema is written as it is given. */
export function writeAvroFile(
  schema: AvroRecord,
  records: readonly AvroObject[],
  metadata: Readonly<Record<string, string>>,
  sync: Uint8Array,
): Uint8Array {
  const file = new AvroEncoder();
  file.raw(magic);
  const header = { 'avro.schema': JSON.stringify(schema), 'avro.codec': 'deflate', ...metadata };
  const entries = Object.entries(header);
  file.long(entries.length);
  for (const [key, value] of entries) {
    file.bytes(Buffer.from(key, 'utf8'));
    file.bytes(Buffer.from(value, 'utf8'));
  }
  file.long(0);
  file.raw(sync);
  for (let from = 0; from < records.length; from += recordsPerBlock) {
    const slice = records.slice(from, from + recordsPerBlock);
    const block = new AvroEncoder();
    for (const record of slice) block.value(schema, record);
    file.long(slice.length);
    file.bytes(deflateRawSync(block.take()));
    file.raw(sync);
  }
  return file.take();
}

interface AvroFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly schema: AvroRecord;
  readonly records: AvroObject[];
}

/** Reads by the writer's own schema. Throws SINK_REJECTED when the file is damaged or of another codec. */
export function readAvroFile(bytes: Uint8Array): AvroFile {
  const file = new AvroDecoder(bytes);
  if (Buffer.compare(file.raw(magic.length), magic) !== 0) throw damaged('it is not an Avro file');
  const metadata = readHeader(file);
  const schema = parseSchema(metadata['avro.schema']);
  const codec = metadata['avro.codec'] ?? 'null';
  if (codec !== 'deflate' && codec !== 'null') throw damaged(`codec ${codec} is not known here`);
  const sync = file.raw(syncLength);
  const records: AvroObject[] = [];
  while (!file.isAtEnd) {
    const count = file.length();
    const body = file.raw(file.length());
    const block = new AvroDecoder(codec === 'deflate' ? inflateRawSync(body) : body);
    for (let i = 0; i < count; i++) records.push(block.value(schema) as AvroObject);
    if (Buffer.compare(file.raw(syncLength), sync) !== 0) throw damaged('a block does not end with the sync marker');
  }
  return { metadata, schema, records };
}

/** A table's files share few schemas, and a schema is longer than most files' records. */
const parsedSchemas = new Map<string, AvroRecord>();
const parsedSchemasMax = 16;

function parseSchema(text: string | undefined): AvroRecord {
  if (text === undefined) throw damaged('its header has no schema');
  let schema = parsedSchemas.get(text);
  if (schema === undefined) {
    schema = JSON.parse(text) as AvroRecord;
    if (parsedSchemas.size >= parsedSchemasMax) parsedSchemas.clear();
    parsedSchemas.set(text, schema);
  }
  return schema;
}

function readHeader(file: AvroDecoder): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (let count = file.length(); count !== 0; count = file.length()) {
    if (count < 0) {
      file.long();
      count = -count;
    }
    for (let i = 0; i < count; i++) {
      const key = file.raw(file.length()).toString('utf8');
      metadata[key] = file.raw(file.length()).toString('utf8');
    }
  }
  return metadata;
}
