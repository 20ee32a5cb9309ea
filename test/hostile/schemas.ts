import { frameValue } from '../../src/events/avro/encode.ts';
import type { EventKind } from '../../src/events/kinds.ts';
import { avroBody, type RandomEvent } from '../decoders/random-events.ts';
import { schemaJson } from '../decoders/schema-json.ts';
import { envelope, type Fields, most } from './producer.ts';

/** A writer schema that a hostile, or an odd, producer registers, and a value that it wrote. */
export interface SchemaAttack {
  readonly name: string;
  readonly kind: EventKind;
  /** Put before and behind our own fields, with the bytes of each; by default there are none. */
  readonly before?: readonly ExtraField[];
  readonly behind?: readonly ExtraField[];
  /** Instead of all that: the schema as it stands. */
  readonly schema?: unknown;
  readonly references?: readonly unknown[];
  readonly fields?: Fields;
  /** Reason and sentence of the dead letter; absent = the record is read as if the schema were ours. */
  readonly letter?: readonly [reason: string, detail: RegExp];
}

interface ExtraField {
  readonly type: unknown;
  readonly name?: string;
  readonly bytes: Uint8Array;
}

const bytes = (...parts: (number | readonly number[])[]) => Uint8Array.from(parts.flat());
const nothing = bytes();
/** Zigzag varint of ten bytes: 2^63 − 1. */
const greatest = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

/** A record type whose every field is of the type before, twice: n of them unfold to 2^n values. */
function doubling(depth: number): unknown {
  let type: unknown = { type: 'record', name: 'D0', fields: [{ name: 'a', type: 'null' }] };
  for (let level = 1; level <= depth; level++) {
    const fields = [
      { name: 'a', type },
      { name: 'b', type: `D${level - 1}` },
    ];
    type = { type: 'record', name: `D${level}`, fields };
  }
  return type;
}

function nested(depth: number): unknown {
  let type: unknown = 'int';
  for (let level = 0; level < depth; level++) type = { type: 'array', items: type };
  return type;
}

const node = {
  type: 'record',
  name: 'Node',
  fields: [
    { name: 'value', type: 'long' },
    { name: 'next', type: ['null', 'Node'] },
  ],
};
const tree = {
  type: 'record',
  name: 'Tree',
  fields: [
    { name: 'children', type: { type: 'array', items: 'Tree' } },
    { name: 'label', type: ['null', 'string'] },
  ],
};
const levels = 50_000;

const ivt = (namespace: string, symbols: readonly string[]) => ({ type: 'enum', name: 'Ivt', namespace, symbols });
const impression = { currency: 'EUR', cpm_micros: 1_000_000, batch_count: 10, ivt: 'NONE' };

/** Our schema of impressions, its field ivt of another type, and whatever comes before. */
function withIvt(type: unknown, first: readonly unknown[] = []): unknown {
  const ours = schemaJson('impression');
  const fields = ours.fields.map((field) => (field.name === 'ivt' ? { ...field, type } : field));
  return { ...ours, fields: [...first, ...fields] };
}

function withType(kind: EventKind, name: string, type: unknown): unknown {
  const ours = schemaJson(kind);
  return { ...ours, fields: ours.fields.map((field) => (field.name === name ? { ...field, type } : field)) };
}

const budget = {
  currency: 'EUR',
  flight_id: 'f-1',
  budget_micros: 5_000_000,
  effective_at: envelope().event_time,
  ledger_version: 1,
};

/** A change event of Debezium: two rows of one type, where it comes from, and tags of all sorts. */
const debezium = {
  type: 'record',
  name: 'Envelope',
  namespace: 'shop.inventory.customers',
  fields: [
    {
      name: 'before',
      type: [
        'null',
        {
          type: 'record',
          name: 'Value',
          fields: [
            { name: 'id', type: { type: 'int', 'connect.default': 0 }, default: 0 },
            {
              name: 'price',
              type: {
                type: 'bytes',
                logicalType: 'decimal',
                precision: 10,
                scale: 2,
                'connect.name': 'org.apache.kafka.connect.data.Decimal',
              },
            },
            { name: 'at', type: { type: 'long', 'connect.name': 'io.debezium.time.MicroTimestamp' } },
            { name: 'tags', type: ['null', { type: 'array', items: ['null', 'string'] }], default: null },
          ],
          'connect.name': 'shop.inventory.customers.Value',
        },
      ],
      default: null,
    },
    { name: 'after', type: ['null', 'Value'], default: null },
    {
      name: 'source',
      type: {
        type: 'record',
        name: 'Source',
        namespace: 'io.debezium.connector.mysql',
        fields: [
          { name: 'version', type: 'string' },
          {
            name: 'snapshot',
            type: [
              {
                type: 'string',
                'connect.version': 1,
                'connect.parameters': { allowed: 'true,last,false' },
                'connect.default': 'false',
              },
              'null',
            ],
            default: 'false',
          },
        ],
      },
    },
    { name: 'op', type: 'string' },
  ],
};
const debeziumBytes = bytes(
  0,
  2,
  2,
  4,
  0xff,
  0x38,
  greatest,
  2,
  4,
  0,
  2,
  2,
  65,
  0,
  [4, 0x33, 0x2e],
  0,
  8,
  [0x74, 0x72, 0x75, 0x65],
  2,
  0x63,
);

/** A mapped type as the class generator of Java writes it. */
const javaString = { type: 'string', 'avro.java.string': 'String' };

/** What the serializers and connectors of the world put into a schema. */
const realWorld: readonly SchemaAttack[] = [
  {
    name: 'a change event of Debezium before and behind our fields',
    kind: 'impression',
    before: [{ name: 'envelope', type: debezium, bytes: debeziumBytes }],
    behind: [{ name: 'again', type: 'shop.inventory.customers.Envelope', bytes: debeziumBytes }],
    fields: impression,
  },
  {
    name: 'texts as the class generator of Java writes them',
    kind: 'impression',
    schema: withType('impression', 'org_id', javaString),
    fields: impression,
  },
  {
    name: 'a type within a type within a type',
    kind: 'impression',
    schema: withType('impression', 'org_id', { type: { type: { type: 'string' } } }),
    fields: impression,
  },
  {
    name: 'times with the names of Connect beside the logical type',
    kind: 'impression',
    schema: withType('impression', 'event_time', {
      type: 'long',
      logicalType: 'timestamp-millis',
      'connect.version': 1,
      'connect.name': 'org.apache.kafka.connect.data.Timestamp',
    }),
    fields: impression,
  },
  {
    name: 'aliases, docs, orders and defaults of every sort',
    kind: 'impression',
    schema: {
      ...schemaJson('impression'),
      aliases: ['com.acme.Shown', 'Seen'],
      doc: null,
      fields: schemaJson('impression').fields.map((field) => ({
        ...field,
        aliases: ['__proto__', 'constructor'],
        order: 'ignore',
        doc: 'a\u0000b',
      })),
    },
    fields: impression,
  },
  {
    name: 'self-describing contexts as Snowplow nests them',
    kind: 'click',
    behind: [
      {
        name: 'contexts',
        type: {
          type: 'array',
          items: {
            type: 'record',
            name: 'SelfDescribing',
            fields: [
              { name: 'schema', type: 'string' },
              { name: 'data', type: { type: 'map', values: ['null', 'boolean', 'double', 'string'] } },
            ],
          },
        },
        // One item; a map of three: "" is null, "__proto__" is "x", "constructor" is a double.
        bytes: bytes(
          2,
          [8, ...Buffer.from('iglu')],
          6,
          [0, 0],
          [18, ...Buffer.from('__proto__'), 6, 2, 120],
          [22, ...Buffer.from('constructor'), 4, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
          0,
          0,
        ),
      },
    ],
    fields: { currency: 'EUR' },
  },
  {
    name: 'a map whose blocks say how long they are, to be passed over',
    kind: 'click',
    behind: [
      {
        name: 'traits',
        type: { type: 'map', values: 'long' },
        bytes: bytes(3, 12, [2, 65, 2], [2, 66, 4], 2, [2, 67, 6], 0),
      },
    ],
    fields: { currency: 'EUR' },
  },
  {
    name: 'money as a decimal in a fixed',
    kind: 'impression',
    schema: withType('impression', 'cpm_micros', [
      'null',
      { type: 'fixed', name: 'Money', size: 16, logicalType: 'decimal', precision: 38, scale: 6 },
    ]),
    fields: impression,
    letter: ['schema_mismatch', /cpm_micros: the writer has fixed, we read long$/],
  },
  {
    name: 'a record type called error, as of a protocol',
    kind: 'click',
    behind: [
      {
        name: 'failure',
        type: ['null', { type: 'error', name: 'Failure', fields: [{ name: 'message', type: 'string' }] }],
        bytes: bytes(2, 2, 65),
      },
    ],
    fields: { currency: 'EUR' },
  },
  {
    name: 'logical types that nobody knows yet',
    kind: 'click',
    behind: [
      { name: 'big', type: { type: 'bytes', logicalType: 'big-decimal' }, bytes: bytes(4, 1, 2) },
      { name: 'id', type: { type: 'fixed', name: 'Uuid', size: 16, logicalType: 'uuid' }, bytes: new Uint8Array(16) },
      { name: 'zoned', type: { type: 'string', logicalType: 'zoned-timestamp' }, bytes: bytes(2, 65) },
      { name: 'odd', type: { type: 'int', logicalType: { a: 1 } }, bytes: bytes(2) },
    ],
    fields: { currency: 'EUR' },
  },
  {
    name: 'several events in one schema, as a union at its top',
    kind: 'click',
    schema: [schemaJson('click'), { type: 'record', name: 'Other', fields: [] }],
    fields: { currency: 'EUR' },
    letter: ['(schema_mismatch|unknown_schema)', /./],
  },
];

export const schemaAttacks: readonly SchemaAttack[] = [
  {
    name: 'a number of 64 bits that nobody reads, on a kind that comes often',
    kind: 'impression',
    fields: impression,
    behind: [{ type: { type: 'long', logicalType: 'timestamp-nanos' }, bytes: bytes(greatest) }],
  },
  {
    name: 'the same on a budget',
    kind: 'budget_changed',
    fields: budget,
    before: [{ type: 'long', bytes: bytes(greatest) }],
  },
  ...(['impression', 'budget_changed'] as const).flatMap((kind): SchemaAttack[] => {
    const fields = kind === 'impression' ? impression : budget;
    return [
      {
        name: `${kind}: a list that holds itself, ${levels} levels of it`,
        kind,
        fields,
        before: [{ type: node, bytes: bytes(Array.from({ length: levels }, () => [2, 2]).flat(), 2, 0) }],
      },
      {
        name: `${kind}: a tree that holds itself`,
        kind,
        fields,
        // Each with one child, in a block of one; then each child list ends and each label is null.
        behind: [
          {
            type: tree,
            bytes: bytes(new Array(1_000).fill(2), 0, 0, Array.from({ length: 1_000 }, () => [0, 0]).flat()),
          },
        ],
      },
      {
        name: `${kind}: a type that unfolds to 2^40 values, none of which has bytes`,
        kind,
        fields,
        behind: [{ type: doubling(40), bytes: nothing }],
      },
      {
        name: `${kind}: lists of lists, 60 deep`,
        kind,
        fields,
        behind: [{ type: nested(60), bytes: bytes(new Array(60).fill(2), 14, new Array(60).fill(0)) }],
      },
      {
        name: `${kind}: a list of 2^40 nothings, again and again`,
        kind,
        fields,
        behind: [
          {
            type: { type: 'array', items: 'null' },
            bytes: bytes(Array.from({ length: 10_000 }, () => [0x80, 0x80, 0x80, 0x80, 0x80, 0x40]).flat(), 0),
          },
        ],
      },
      {
        name: `${kind}: 20,000 items of a list that nobody reads`,
        kind,
        fields,
        behind: [
          { type: { type: 'array', items: 'int' }, bytes: bytes([0xc0, 0xb8, 0x02], new Array(20_000).fill(6), 0) },
        ],
      },
      {
        name: `${kind}: logical types and a fixed type of the world`,
        kind,
        fields,
        behind: [
          {
            name: 'd',
            type: { type: 'bytes', logicalType: 'decimal', precision: 38, scale: 9 },
            bytes: bytes(4, 1, 2),
          },
          {
            name: 'f',
            type: { type: 'fixed', name: 'Duration', size: 12, logicalType: 'duration' },
            bytes: new Uint8Array(12),
          },
          { name: 'm', type: { type: 'map', values: ['null', 'double'] }, bytes: bytes(2, 2, 65, 0, 0) },
          { name: 'u', type: ['string', 'long', { type: 'map', values: 'long' }], bytes: bytes(4, 0) },
        ],
      },
      {
        name: `${kind}: names that no specification takes, code among them`,
        kind,
        fields,
        behind: [
          { name: 'ad-unit id', type: 'int', bytes: bytes(2) },
          {
            name: '\\u2028"); process.exit(1); ("',
            type: { type: 'enum', name: '$' + '{process.exit(1)}', symbols: ['`', '\n'] },
            bytes: bytes(2),
          },
          { name: '__proto__', type: 'string', bytes: bytes(2, 65) },
          { name: 'größe', type: ['null', 'int'], bytes: bytes(0) },
        ],
      },
    ];
  }),
  {
    name: 'two types of one name in two namespaces: each field has its own',
    kind: 'impression',
    schema: withIvt('com.acme.Ivt', [
      { name: 'theirs', type: ivt('com.partner', ['SIVT', 'GIVT', 'NONE']) },
      { name: 'mine', type: ivt('com.acme', ['NONE', 'GIVT', 'SIVT']) },
    ]),
    before: [
      { type: 'int', bytes: bytes(4) },
      { type: 'int', bytes: bytes(0) },
    ],
    fields: impression,
  },
  {
    name: 'a type from a schema that this one refers to',
    kind: 'impression',
    schema: withIvt('com.acme.Ivt'),
    references: [ivt('com.acme', ['NONE', 'GIVT', 'SIVT'])],
    fields: impression,
  },
  ...realWorld,
  {
    name: 'a type that is nowhere',
    kind: 'impression',
    schema: withIvt('com.acme.Ivt'),
    fields: impression,
    letter: ['schema_mismatch', /unknown type "com.acme.Ivt"/],
  },
  {
    name: 'a field that may be of another type, and is',
    kind: 'budget_changed',
    schema: {
      ...schemaJson('budget_changed'),
      fields: schemaJson('budget_changed').fields.map((field) =>
        field.name === 'actor' ? { ...field, type: ['long', 'null', 'string'] } : field,
      ),
    },
    fields: budget,
    letter: ['bad_field', /^actor is long here, we read string$/],
  },
  ...(
    [
      ['impression', 'event_time', { type: 'long', logicalType: 'timestamp-micros' }, 'timestamp-micros'],
      ['impression', 'event_time', { type: 'long', logicalType: 'local-timestamp-millis' }, 'local-timestamp-millis'],
      ['impression', 'event_time', { type: 'int', logicalType: 'date' }, 'date'],
      ['budget_changed', 'effective_at', { type: 'long', logicalType: 'timestamp-nanos' }, 'timestamp-nanos'],
    ] as const
  ).map(
    ([kind, name, type, theirs]): SchemaAttack => ({
      name: `${kind}: ${name} in ${theirs}`,
      kind,
      schema: withType(kind, name, type),
      fields: kind === 'impression' ? impression : budget,
      letter: ['schema_mismatch', new RegExp(`\\.${name}: the writer has ${theirs}, we read timestamp-millis$`)],
    }),
  ),
  {
    name: 'logical types that this type cannot have, which say nothing',
    kind: 'impression',
    schema: withType('impression', 'cpm_micros', { type: 'long', logicalType: 'decimal', precision: 9 }),
    fields: impression,
  },
  {
    name: 'money as a decimal of bytes',
    kind: 'impression',
    schema: withType('impression', 'cpm_micros', ['null', { type: 'bytes', logicalType: 'decimal', precision: 9 }]),
    fields: impression,
    letter: ['schema_mismatch', /cpm_micros: the writer has bytes, we read long$/],
  },
  {
    name: 'an enum of more, in another order, with a default',
    kind: 'impression',
    schema: withIvt({ type: 'enum', name: 'Ivt', symbols: ['NONE', 'NEW', 'GIVT', 'SIVT'], default: 'NONE' }),
    fields: impression,
  },
  {
    name: 'two fields of one name',
    kind: 'impression',
    behind: [{ name: 'org_id', type: 'string', bytes: bytes(2, 65) }],
    fields: impression,
    letter: ['schema_mismatch', /^schema id 7, at Impression: has two fields "org_id"$/],
  },
  ...[[], 'NONE', [1, null]].map(
    (symbols): SchemaAttack => ({
      name: `an enum whose symbols are ${JSON.stringify(symbols)}`,
      kind: 'impression',
      schema: withIvt({ type: 'enum', name: 'Ivt', symbols }),
      fields: impression,
      letter: ['(schema_mismatch|bad_field)', /ivt/],
    }),
  ),
  ...[-1, 1.5, 2 ** 31, '16', undefined].map(
    (size): SchemaAttack => ({
      name: `a fixed of ${size} bytes`,
      kind: 'impression',
      schema: withType('impression', 'event_id', { type: 'fixed', name: 'Id', size }),
      fields: impression,
      letter: ['schema_mismatch', /event_id: fixed needs a size$/],
    }),
  ),
  {
    name: 'a record that must hold itself',
    kind: 'impression',
    schema: withIvt({ type: 'record', name: 'Loop', fields: [{ name: 'again', type: 'Loop' }] }),
    fields: impression,
    letter: ['schema_mismatch', /Loop: must hold itself/],
  },
  {
    name: 'two records that must hold each other',
    kind: 'impression',
    schema: withIvt({
      type: 'record',
      name: 'Left',
      fields: [
        { name: 'x', type: 'int' },
        { name: 'right', type: { type: 'record', name: 'Right', fields: [{ name: 'left', type: 'Left' }] } },
      ],
    }),
    fields: impression,
    letter: ['schema_mismatch', /must hold itself/],
  },
  {
    name: 'two types of one name in one namespace',
    kind: 'impression',
    schema: withIvt(['null', { type: 'fixed', name: 'Twice', size: 1 }, { type: 'fixed', name: 'Twice', size: 2 }]),
    fields: impression,
    letter: ['schema_mismatch', /two types are named "com.paceline.events.v1.Twice"/],
  },
  {
    name: 'a schema of a thousand levels',
    kind: 'impression',
    schema: withIvt(nested(1_000)),
    fields: impression,
    letter: ['schema_mismatch', /is nested deeper than 64/],
  },
  {
    name: 'a schema with more parts than any event',
    kind: 'impression',
    schema: withIvt(
      ivt(
        'com.acme',
        Array.from({ length: 30_000 }, (_, index) => `S${index}`),
      ),
    ),
    fields: impression,
    letter: ['schema_mismatch', /has more than 20000 parts/],
  },
  {
    name: 'a chain of 2,000 records, each the only field of the next',
    kind: 'impression',
    fields: impression,
    behind: [{ type: chain(2_000), bytes: bytes(6, 2) }],
  },
  ...(
    [
      7,
      'string',
      [],
      {},
      { type: 'record' },
      { type: 'record', name: 'Impression', fields: [null] },
      { type: 'record', name: 'Impression', fields: {} },
    ] as const
  ).map(
    (schema): SchemaAttack => ({
      name: `${JSON.stringify(schema)} for a schema`,
      kind: 'impression',
      schema,
      fields: impression,
      letter: ['schema_mismatch', /^schema id 7[:,] /],
    }),
  ),
  {
    name: 'a schema without the last of our fields, which the value has',
    kind: 'impression',
    schema: { ...schemaJson('impression'), fields: schemaJson('impression').fields.slice(0, 7) },
    fields: { ...impression, cpm_micros: most },
    letter: ['trailing_bytes', /bytes follow the last field/],
  },
];

/** Registered as a list of types that each name the one before: no schema nests this deep. */
function chain(length: number): unknown {
  const branches: unknown[] = [{ type: 'record', name: 'C0', fields: [{ name: 'v', type: 'int' }] }];
  for (let level = 1; level < length; level++) {
    branches.push({ type: 'record', name: `C${level}`, fields: [{ name: 'v', type: `C${level - 1}` }] });
  }
  return {
    type: 'record',
    name: 'Chain',
    fields: [{ name: 'all', type: { type: 'record', name: 'Last', fields: [{ name: 'u', type: branches }] } }],
  };
}

/** The schema of an attack and the value that it wrote. */
export function written(attack: SchemaAttack): { schema: unknown; value: Uint8Array } {
  const { kind, before = [], behind = [], fields = {} } = attack;
  const ours = schemaJson(kind);
  const named = (extra: readonly ExtraField[], prefix: string) =>
    extra.map(({ type, name }, index) => ({ name: name ?? `${prefix}${index}`, type }));
  const schema = attack.schema ?? {
    ...ours,
    fields: [...named(before, 'before'), ...ours.fields, ...named(behind, 'behind')],
  };
  const body = avroBody({ kind, fields: { ...envelope(), ...fields } } as RandomEvent);
  const parts = [...before.map((each) => each.bytes), body, ...behind.map((each) => each.bytes)];
  return { schema, value: frameValue(7, Buffer.concat(parts)) };
}
