import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { releasedIds } from '../../src/decoders/event-schemas.ts';
import { eventKinds, kinds } from '../../src/events/kinds.ts';
import { orderSnapshots } from '../../src/rows/order-snapshots.ts';
import { alertEvents, type Column, deadLetters, pacingSnapshots, type Table } from '../../src/rows/tables.ts';
import { examples } from './examples.ts';

type Json = Readonly<Record<string, unknown>>;

const schemas = join(import.meta.dirname, '../../schemas/avro');

/** Results come as JSON, or as Avro where `kafka.results_format` says so. */
const resultKinds = ['alert', 'dead_letter', 'pacing_snapshot', 'order_snapshot'] as const;

/** The AsyncAPI 3 document of the topics: what producers send, and what comes back, by the names of docs/events.md. */
export function asyncApiDocument(
  version: string,
  topics: { events: string; alerts: string; deadLetters: string },
): Json {
  const messages = {
    ...Object.fromEntries(eventKinds.map((kind) => [kind, eventMessage(kind)])),
    ...Object.fromEntries((['tick', 'org_plan'] as const).map((kind) => [kind, controlMessage(kind)])),
    alert: resultMessage(alertEvents, []),
    dead_letter: resultMessage(deadLetters, ['key', 'raw']),
    pacing_snapshot: resultMessage(pacingSnapshots, []),
    order_snapshot: resultMessage(orderSnapshots, []),
    ...Object.fromEntries(resultKinds.map((kind) => [`${kind}_avro`, avroMessage(kind, organizationKey)])),
  };
  const channels = {
    events: channel(topics.events, eventsDoc, [...eventKinds, 'tick', 'org_plan']),
    alerts: channel(topics.alerts, 'One record a transition of an alert, in the order of their versions, each once.', [
      'alert',
    ]),
    dead_letters: channel(
      topics.deadLetters,
      'One record for each record that could not be used, with its address, reason and bytes.',
      ['dead_letter', 'dead_letter_avro'],
    ),
    // Only where `kafka.snapshots_topic` names one.
    snapshots: channel(null, 'One record for each snapshot of a flight, where `kafka.snapshots_topic` names a topic.', [
      'pacing_snapshot',
      'pacing_snapshot_avro',
    ]),
    // Only where `kafka.order_snapshots_topic` names one.
    order_snapshots: channel(
      null,
      'One record for each snapshot of an order, where `kafka.order_snapshots_topic` names a topic.',
      ['order_snapshot', 'order_snapshot_avro'],
    ),
  };
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Paceline',
      version,
      description:
        'The topics of Paceline. docs/events.md is the contract with producers in words, with worked examples; docs/semantics.md says what each event does.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: { brokers: { host: 'localhost:9092', protocol: 'kafka', description: 'Those of `kafka.brokers`.' } },
    channels,
    operations: {
      takeEvents: {
        action: 'receive',
        channel: ref('channels/events'),
        summary: 'The engine reads what producers send.',
      },
      tellAlerts: { action: 'send', channel: ref('channels/alerts'), summary: 'The engine tells of alerts.' },
      returnDeadLetters: {
        action: 'send',
        channel: ref('channels/dead_letters'),
        summary: 'The engine gives back what it could not use.',
      },
      tellSnapshots: {
        action: 'send',
        channel: ref('channels/snapshots'),
        summary: 'The engine tells how flights stand.',
      },
      tellOrderSnapshots: {
        action: 'send',
        channel: ref('channels/order_snapshots'),
        summary: 'The engine tells how orders stand.',
      },
    },
    components: { messages },
  };
}

const eventsDoc =
  'All events of an organization are in one partition: the key is the bytes of `org_id`, the partition that of Kafka’s default partitioner (murmur2). A value is Avro in Confluent framing, or one JSON object with the members of the schema and `type`.';

function ref(path: string): Json {
  return { $ref: `#/${path}` };
}

function channel(address: string | null, description: string, names: readonly string[]): Json {
  return {
    address,
    description,
    messages: Object.fromEntries(names.map((name) => [name, ref(`components/messages/${name}`)])),
    ...(address !== null && { bindings: { kafka: { topic: address, bindingVersion: '0.5.0' } } }),
  };
}

interface AvroFile {
  readonly name: string;
  readonly doc: string;
}

const avroFormat = 'application/vnd.apache.avro+json;version=1.9.0';

function avroMessage(kind: string, key: Json): Json {
  const schema = JSON.parse(readFileSync(join(schemas, `${kind}.avsc`), 'utf8')) as AvroFile;
  return {
    name: kind,
    title: schema.name,
    summary: schema.doc,
    contentType: 'application/vnd.apache.avro',
    payload: { schemaFormat: avroFormat, schema },
    bindings: {
      kafka: { key, schemaIdLocation: 'payload', schemaIdPayloadEncoding: 'confluent', bindingVersion: '0.5.0' },
    },
    'x-schema-id': releasedIds().get(kind),
  };
}

const organizationKey = { type: 'string', description: '`org_id` of the value.' };

function eventMessage(kind: (typeof eventKinds)[number]): Json {
  const { lateness } = kinds[kind];
  return {
    ...avroMessage(kind, organizationKey),
    examples: [{ name: 'json', summary: 'As JSON.', payload: { type: kind, ...examples[kind] } }],
    'x-lateness': lateness,
  };
}

/** What the engine and `paceline apply` write there: of producers, such records are refused. */
function controlMessage(kind: 'tick' | 'org_plan'): Json {
  const key = { type: ['string', 'null'], description: 'Null for ticks and for the plan of everybody.' };
  const tags = [{ name: 'ours', description: 'Written by Paceline alone.' }];
  return { ...avroMessage(kind, key), tags };
}

/** Rows of a table as JSON. */
function resultMessage(table: Table, base64: readonly string[]): Json {
  const members = table.columns.map((column) => [column.name, memberOf(column, base64)]);
  return {
    name: table.name,
    title: table.doc,
    contentType: 'application/json',
    payload: {
      type: 'object',
      required: [...table.columns.map(({ name }) => name), 'delivery'],
      properties: { ...Object.fromEntries(members), delivery },
    },
    bindings: { kafka: { key: { type: 'string', description: '`org_id` of the row.' }, bindingVersion: '0.5.0' } },
  };
}

const delivery = {
  type: 'object',
  description: 'Which row it is: with `version` the same for a row that comes twice.',
  required: ['lane', 'index'],
  properties: { lane: { type: 'string' }, index: { type: 'integer', minimum: 0 } },
};

function memberOf({ name, type, doc }: Column, base64: readonly string[]): Json {
  const plain = plainMember(name, type, base64);
  const description = type.includes('DateTime64') ? `${doc} Milliseconds since 1970, UTC.` : doc;
  if (!type.startsWith('Nullable')) return { ...plain, description };
  return { ...plain, type: [plain.type, 'null'].flat(), description };
}

function plainMember(name: string, type: string, base64: readonly string[]): { type: string | string[] } & Json {
  if (base64.includes(name)) return { type: 'string', contentEncoding: 'base64' };
  if (name === 'version') return { type: 'string', pattern: '^\\d+$' };
  if (type.includes('String')) return { type: 'string' };
  // 64 bits are text where a double would lose a digit.
  return type.includes('Int64') ? { type: ['integer', 'string'] } : { type: 'integer' };
}
