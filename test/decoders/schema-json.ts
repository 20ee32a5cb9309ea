import { readFileSync } from 'node:fs';
import type { KindName } from '../../src/events/kinds.ts';

const folder = new URL('../../schemas/avro/', import.meta.url);

export type SchemaJson = { fields: { name: string; type: unknown; default?: unknown; doc?: unknown }[] } & Record<
  string,
  unknown
>;

/** A schema as its file says it; a fresh object each time, so that tests may change it. */
export function schemaJson(kind: KindName | string): SchemaJson {
  return JSON.parse(readFileSync(new URL(`${kind}.avsc`, folder), 'utf8')) as SchemaJson;
}
