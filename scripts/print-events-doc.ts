import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readerSchema, releasedIds, resultNames } from '../src/decoders/event-schemas.ts';
import { compileEncoder, frameValue } from '../src/events/avro/encode.ts';
import { type AvroField, type AvroRecord, type AvroType, parseRecordSchema } from '../src/events/avro/schema.ts';
import { rejectReasons } from '../src/events/event-batch.ts';
import { type EventKind, eventKinds, type KindFacts, kinds, type Lateness } from '../src/events/kinds.ts';
import { usualLatenessMs } from '../src/lane/plan-bounds.ts';
import { assert } from '../src/model/errors.ts';
import { laneLimits } from '../src/model/lane-limits.ts';
import { dayMs, hourMs } from '../src/model/time.ts';
import { examples, uses } from './events-doc/examples.ts';
import { reasons } from './events-doc/reasons.ts';
import { fillPage, publishPage } from './publish-page.ts';

// Prints docs/events.md from the schemas in schemas/avro/, around the prose of events-doc/. `--check`
// writes nothing and fails when the file differs; test/decoders/ decodes every example of the page.
const root = join(import.meta.dirname, '..');
const ids = releasedIds();
/** What is alike in (nearly) all kinds; a field that a kind has otherwise is told again there. */
const envelope = readerSchema('spend_adjustment').fields.filter((field) =>
  readerSchema('status_changed').fields.some((each) => isSame(each, field)),
);

function isSame(a: AvroField, b: AvroField): boolean {
  return a.name === b.name && a.doc === b.doc && typeText(a.type, a.logicalType) === typeText(b.type, b.logicalType);
}

function typeText(type: AvroType, logicalType: string | null): string {
  switch (type.kind) {
    case 'union':
      return `${typeText(type.branches.find(({ kind }) => kind !== 'null') as AvroType, logicalType)} or null`;
    case 'enum':
      return `enum: ${type.symbols.join(', ')}`;
    case 'fixed':
      return `fixed, ${type.size} bytes`;
    case 'map':
      return `map of ${typeText(type.values, null)}`;
    case 'array':
      return `array of ${typeText(type.values, null)}`;
    default:
      return logicalType === null ? type.kind : `${type.kind}, ${logicalType}`;
  }
}

function fieldRows(fields: readonly AvroField[]): string {
  const rows = fields.map(({ name, type, logicalType, hasDefault, default: absent, doc }) => {
    const without = hasDefault ? `\`${JSON.stringify(absent)}\`` : 'required';
    return `| \`${name}\` | ${typeText(type, logicalType)} | ${without} | ${doc.replaceAll('|', '\\|')} |`;
  });
  return ['| field | Avro type | without it | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** The value byte by byte: the framing, then each field's bytes with what they say. */
function annotatedAvro(kind: EventKind, schema: AvroRecord): string {
  const value = examples[kind];
  const id = ids.get(kind);
  assert(id !== undefined, `${kind} has a released schema`);
  const lines: [Uint8Array, string][] = [[frameValue(id, new Uint8Array(0)), `zero byte, schema id ${id}`]];
  for (const field of schema.fields) {
    const given = Object.hasOwn(value, field.name) ? value[field.name] : field.default;
    const bytes = compileEncoder({ ...schema, fields: [field] })({ [field.name]: given });
    lines.push([bytes, `${field.name} = ${JSON.stringify(given)}`]);
  }
  const whole = frameValue(id, compileEncoder(schema)(value));
  assert(Buffer.concat(lines.map(([bytes]) => bytes)).equals(whole), `${kind}: the parts are the whole`);
  return lines.map(([bytes, text]) => `${hexOf(bytes).padEnd(47)}  # ${text}`).join('\n');
}

function hexOf(bytes: Uint8Array): string {
  return (Buffer.from(bytes).toString('hex').match(/../g) ?? []).join(' ');
}

function exampleJson(kind: EventKind): string {
  return JSON.stringify({ type: kind, ...examples[kind] }, null, 2);
}

function section(kind: EventKind): string {
  const schema = readerSchema(kind);
  const json = JSON.parse(readFileSync(join(root, 'schemas/avro', `${kind}.avsc`), 'utf8')) as { doc: string };
  const own = schema.fields.filter((field) => !envelope.some((each) => isSame(each, field)));
  return `### ${kind}

${json.doc} ${uses[kind]} Schema: \`schemas/avro/${kind}.avsc\`, id ${ids.get(kind)}.

${fieldRows(own)}

In JSON:

\`\`\`json
${exampleJson(kind)}
\`\`\`

The same in Avro, each line the bytes of what stands behind them:

\`\`\`text
${annotatedAvro(kind, schema)}
\`\`\`
`;
}

const latenessTexts: Readonly<Record<Lateness, string>> = {
  delivery: `${laneLimits.deliveryLatenessMs / hourMs} hours`,
  report: days(usualLatenessMs(laneLimits).report),
  conversion: days(usualLatenessMs(laneLimits).conversion),
  correction: days(usualLatenessMs(laneLimits).correction),
  control: days(laneLimits.moneyLatenessMs),
  never: 'always',
};

function days(ms: number): string {
  return `${ms / dayMs} days`;
}

/** A newer total says more than a repeat of an older one. */
const totals = ` (totals: ${laneLimits.totalIdsKeptMs / hourMs} hours)`;

/** How a kind is treated, from the table of kinds. */
function treatmentOf(facts: KindFacts): string {
  const fieldText = (name: string) =>
    facts.columns[name]?.take === 'day' ? `the local day \`${name}\`` : `\`${name}\``;
  const bookedAt = (facts.bookedAt ?? ['event_time']).map(fieldText);
  const [where] = bookedAt;
  const ids = {
    delivery: `within ${laneLimits.duplicateWindowMs / hourMs} hours`,
    rare: `within ${latenessTexts.control}${facts.lateness === 'report' ? totals : ''}`,
  };
  const cells = [
    facts.class === 'organization' ? '–' : where,
    latenessTexts[facts.lateness],
    facts.class === 'delivery' || facts.class === 'rare' ? ids[facts.class] : 'never',
    ['event_time', ...facts.instants].map(fieldText).join(', '),
  ];
  return cells.join(' | ');
}

/** Kinds that are treated alike share a line. */
function treatmentTable(): string {
  const alike = Map.groupBy(eventKinds, (name) => treatmentOf(kinds[name]));
  const lines = [...alike].map(([treatment, names]) => `| ${names.join(', ')} | ${treatment} |`);
  const head = '| event | counts from | may come so much later | is a duplicate | must not lie ahead |';
  return [head, '| --- | --- | --- | --- | --- |', ...lines].join('\n');
}

function resultSection(name: string): string {
  const json: unknown = JSON.parse(readFileSync(join(root, 'schemas/avro', `${name}.avsc`), 'utf8'));
  const schema = parseRecordSchema(json, name);
  return `### ${name}\n\n${(json as { doc: string }).doc}\n\n${fieldRows(schema.fields)}\n`;
}

/** A worked client; test/decoders/producers.stack.test.ts and test/servers/clients.stack.test.ts run it from the page. */
function client(file: string): string {
  return readFileSync(join(import.meta.dirname, 'events-doc', file), 'utf8');
}

const prose = readFileSync(join(import.meta.dirname, 'events-doc', 'prose.md'), 'utf8');
publishPage(
  join(root, 'docs', 'events.md'),
  fillPage(prose, {
    envelope: fieldRows(envelope),
    treatment: treatmentTable(),
    python: client('producers/click.py'),
    node: client('producers/click.mjs'),
    java: client('producers/Click.java'),
    kcat: client('consumers/kcat.sh'),
    reader: client('consumers/results.py'),
    kinds: eventKinds.map(section).join('\n'),
    reasons: rejectReasons.map((reason) => `| \`${reason}\` | ${reasons[reason]} |`).join('\n'),
    results: resultNames.map(resultSection).join('\n'),
    ours: `${resultSection('tick').replace(/\n\| field[\s\S]*/, '')}\n${resultSection('org_plan')}`,
    ids: [...ids].map(([name, id]) => `| ${id} | \`${name}\` |`).join('\n'),
  }),
);
