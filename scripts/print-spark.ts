import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { releasedSchemas } from '../src/decoders/event-schemas.ts';
import { type SchemaIds, shippedIds, sparkJobs } from './spark/jobs.ts';

// Prints deploy/spark/ from the kinds of event and their released schemas. `--check` writes nothing and fails when a
// file differs. `--ids FILE --out DIR` prints them for a registry that numbers schemas otherwise: FILE is a JSON object
// of its ids and our names, as schemas/avro/ids.json is.
const words = process.argv.slice(2);
const wordAfter = (flag: string) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined);
const folder = wordAfter('--out') ?? join(import.meta.dirname, '..', 'deploy/spark');

function idsOf(file: string): SchemaIds {
  const shipped = JSON.parse(readFileSync(join(import.meta.dirname, '../schemas/avro/ids.json'), 'utf8')) as Record<
    string,
    string
  >;
  const own = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  const byName = new Map(releasedSchemas().map((one) => [shipped[String(one.id)], one]));
  return new Map(
    Object.entries(own).map(([id, name]) => {
      const one = byName.get(name);
      if (one === undefined)
        throw new Error(`${file}: "${name}" is no released schema; they are in schemas/avro/ids.json`);
      return [Number(id), { kind: one.kind, schema: one.schema }];
    }),
  );
}

const ids = wordAfter('--ids');
for (const [name, text] of Object.entries(sparkJobs(ids === undefined ? shippedIds() : idsOf(ids)))) {
  const path = join(folder, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (words.includes('--check')) {
    console.error(`deploy/spark/${name} differs; run "npm run docs"`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}
