import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AvroRecord, parseRecordSchema } from '../events/avro/schema.ts';
import { type KindName, kindsByName } from '../events/kinds.ts';
import type { SchemaRegistry, WriterSchema } from './decoder.ts';

/** Our own schemas (schemas/avro/), and the registry of the embedded log: every version ever released. */
const directory = join(import.meta.dirname, '../../schemas/avro');

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(directory, file), 'utf8'));
}

/** Records that the engine writes of its tables. */
export const resultNames = ['alert', 'dead_letter', 'pacing_snapshot', 'order_snapshot'] as const;
export type ResultName = (typeof resultNames)[number];

/** The schema we read a kind with, or write results with. */
export function readerSchema(name: KindName | ResultName): AvroRecord {
  let schema = readers.get(name);
  if (schema === undefined) {
    schema = parseRecordSchema(readJson(`${name}.avsc`), `schemas/avro/${name}.avsc`);
    readers.set(name, schema);
  }
  return schema;
}

const readers = new Map<KindName | ResultName, AvroRecord>();

const kindByRecordName = new Map(
  kindsByName.map(([name]) => [name.replaceAll(/(^|_)([a-z])/g, (_, __, letter) => letter.toUpperCase()), name]),
);

/** The kind that a record schema's name says, e.g. `SpendAdjustment`; null for names that are not events of ours. */
export function kindOfRecord(name: string): KindName | null {
  return kindByRecordName.get(name) ?? null;
}

/** Released schemas by id, from files: a 404 of this registry is final. */
export class EmbeddedRegistry implements SchemaRegistry {
  readonly #files = readJson('ids.json') as Readonly<Record<string, string>>;

  schema(id: number): Promise<WriterSchema | null> {
    const file = this.#files[String(id)];
    if (file === undefined) return Promise.resolve(null);
    return Promise.resolve({ json: readJson(join('released', `${file}.avsc`)), references: [] });
  }
}

/** Id of the newest released schema of each kind: what our own producers write with. */
export function releasedIds(): ReadonlyMap<string, number> {
  const files = Object.entries(readJson('ids.json') as Readonly<Record<string, string>>);
  return new Map(files.map(([id, file]) => [file.slice(0, file.lastIndexOf('.')), Number(id)]));
}

interface ReleasedSchema {
  /** The id in the embedded registry. */
  readonly id: number;
  readonly kind: string;
  /** Namespace and name: the subject in a registry. */
  readonly fullName: string;
  readonly schema: unknown;
}

/** Every schema ever released, each kind's oldest first. */
export function releasedSchemas(): ReleasedSchema[] {
  return Object.entries(readJson('ids.json') as Readonly<Record<string, string>>)
    .map(([id, file]) => {
      const schema = readJson(join('released', `${file}.avsc`)) as { namespace: string; name: string };
      const kind = file.slice(0, file.lastIndexOf('.'));
      return { id: Number(id), kind, fullName: `${schema.namespace}.${schema.name}`, schema };
    })
    .sort((a, b) => a.id - b.id);
}
