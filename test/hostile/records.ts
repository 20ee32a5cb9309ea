import { frameValue } from '../../src/events/avro/encode.ts';
import type { RawRecord } from './hostile-lane.ts';
import { start, today } from './hostile-lane.ts';
import { adjustment, auctions, avro, impression, json, jsonText, money, most, record, spend } from './producer.ts';

/** One attack through the door of records. */
export interface Attack {
  readonly name: string;
  readonly records: readonly RawRecord[];
  /** Reason and sentence of the dead letters that come of it, in order of the log. */
  readonly letters: readonly (readonly [reason: string, detail: RegExp])[];
  /** What the day of the campaign must then hold. */
  readonly day?: Readonly<Record<string, bigint>>;
  /** Bytes that make no sense: which of several reasons is given is the decoder's own. */
  readonly isGarbage?: true;
}

const deep = 20_000;
const nested = '['.repeat(deep) + ']'.repeat(deep);
const nestedObjects = '{"a":'.repeat(deep) + 1 + '}'.repeat(deep);

function letter(reason: string, detail: RegExp) {
  return [reason, detail] as const;
}

/** JSON that is deeper, longer or odder than any reader of it expects. */
const oddJson: readonly Attack[] = [
  ...(['org_id', 'campaign_id', 'source', 'event_id', 'currency', 'event_time', 'cost_micros'] as const).map(
    (field): Attack => ({
      name: `${field} is a list nested ${deep} deep`,
      records: [record(jsonText('click', field, nested, money))],
      letters: [letter('bad_field', new RegExp(`^${field} must be .*, it is a list of 1$`))],
    }),
  ),
  {
    name: 'an id is an object nested as deep',
    records: [record(jsonText('click', 'campaign_id', nestedObjects, money))],
    letters: [letter('bad_field', /^campaign_id must be text, it is an object$/)],
  },
  {
    name: 'a field that nobody reads is nested as deep',
    records: [record(jsonText('click', 'extension', nested, { ...money, cost_micros: 5 }))],
    letters: [],
    day: { clicks: 1n, spend_micros: 5n },
  },
  {
    name: 'the type is nested as deep',
    records: [record(Buffer.from(`{"type":${nested}}`))],
    letters: [letter('bad_field', /^type must be text, it is a list of 1$/)],
  },
  {
    name: 'deltas are nested as deep',
    records: [record(jsonText('metric_correction', 'deltas', nestedObjects, { applies_to: today }))],
    letters: [letter('bad_field', /an integer, it is an object$/)],
  },
  {
    name: 'names that objects inherit',
    records: [
      record(Buffer.from('{"type":"__proto__"}')),
      record(Buffer.from('{"type":"constructor"}')),
      record(jsonText('metric_correction', 'deltas', '{"__proto__":1}', { applies_to: today })),
      record(jsonText('metric_correction', 'deltas', '{"constructor":1}', { applies_to: today })),
    ],
    letters: [
      letter('not_ours', /"__proto__"/),
      letter('not_ours', /"constructor"/),
      letter('unknown_metric', /"__proto__"/),
      letter('unknown_metric', /"constructor"/),
    ],
  },
  {
    name: 'numbers of every odd shape',
    records: ['1e400', '-1e400', '1.5', '9007199254740993', '"12"', 'true', '-0.5'].map((text) =>
      record(jsonText('click', 'cost_micros', text, money)),
    ),
    letters: [
      letter('bad_field', /^cost_micros must be integer micros, it is Infinity$/),
      letter('bad_field', /^cost_micros must be integer micros, it is -Infinity$/),
      letter('bad_field', /^cost_micros must be integer micros, it is 1.5$/),
      letter('money_out_of_range', /^cost_micros lies beyond/),
      letter('bad_field', /^cost_micros must be integer micros, it is "12"$/),
      letter('bad_field', /^cost_micros must be integer micros, it is true$/),
      letter('bad_field', /^cost_micros must be integer micros, it is -0.5$/),
    ],
  },
  {
    name: 'letters of other alphabets, broken ones among them',
    records: [
      record(json('click', { ...money, campaign_id: '夏のセール' })),
      record(jsonText('click', 'campaign_id', '"\\ud83d"', money)),
      record(json('click', { ...money, currency: 'ЕUR' })),
      record(json('click', { ...money, campaign_id: 'a\nb' })),
    ],
    letters: [
      letter('bad_id', /^campaign_id "夏のセール" is not/),
      letter('bad_id', /^campaign_id "\ufffd" is not/),
      letter('bad_field', /^currency "ЕUR" is not an ISO-4217 code$/),
      letter('bad_id', /^campaign_id "a\\nb" is not/),
    ],
  },
];

const byteOrderMark = '\ufeff';
const marked: readonly Attack[] = [
  {
    name: 'JSON behind a byte order mark and blanks',
    records: [byteOrderMark, ' \t\r\n', `${byteOrderMark}\n  `].map((before) =>
      record(Buffer.concat([Buffer.from(before), json('click', { ...money, cost_micros: 2 })])),
    ),
    letters: [],
    day: { clicks: 3n, spend_micros: 6n },
  },
  {
    name: 'a byte order mark, or blanks, and nothing else',
    records: [byteOrderMark, '  ', `${byteOrderMark}[1]`].map((text) => record(Buffer.from(text))),
    letters: Array.from({ length: 3 }, () => letter('bad_framing', /neither/)),
    isGarbage: true,
  },
];

/** A plan that is no plan. */
const plan = { number: 1, hash: 'x' };
const oddPlans: readonly Attack[] = [
  {
    name: `a plan body nested ${deep} deep, in both encodings`,
    records: [
      record(avro('org_plan', { ...plan, body: nested })),
      record(json('org_plan', { ...plan, body: nestedObjects })),
      record(jsonText('org_plan', 'body', nested, plan)),
    ],
    letters: [
      letter('bad_plan', /nests deeper than/),
      letter('bad_plan', /nests deeper than/),
      letter('bad_field', /^body must be text, it is a list of 1$/),
    ],
  },
  {
    name: 'a plan body that is a thousand braces of a text',
    records: [record(json('org_plan', { ...plan, body: JSON.stringify({ a: '{'.repeat(1_000) }) }))],
    letters: [letter('bad_plan', /./)],
  },
];

const impressionBytes = avro('impression', impression);
const budgetFields = { ...money, flight_id: 'f', budget_micros: 1, effective_at: start, ledger_version: 1 };
const budgetBytes = avro('budget_changed', budgetFields);

/** Bytes that say one length and have another. */
const oddAvro: readonly Attack[] = [
  {
    name: 'lengths and indices of an Avro value that lead anywhere',
    records: [0x7f, 0x80, 0xff, 0xfe].map((byte) => record(frameValue(1, Buffer.alloc(200, byte)))),
    letters: Array.from({ length: 4 }, () => letter('(truncated|bad_field|bad_id|trailing_bytes)', /./)),
    isGarbage: true,
  },
  {
    name: 'a map of counters whose blocks are empty and never end',
    records: [
      record(Buffer.concat([avro('metric_correction', { applies_to: today, deltas: { clicks: 1 } }), Buffer.alloc(9)])),
    ],
    letters: [letter('trailing_bytes', /9 bytes follow/)],
    isGarbage: true,
  },
  {
    name: 'an Avro value that is cut inside a field, or says what no field holds',
    records: [
      record(impressionBytes.subarray(0, 23)),
      record(impressionBytes.subarray(0, impressionBytes.length - 1)),
      record(Buffer.concat([impressionBytes.subarray(0, 21), Buffer.from('08ffffffff', 'hex')])),
      record(budgetBytes.subarray(0, 60)),
    ],
    letters: [
      letter('truncated', /^org_id: the value ends inside a field$/),
      letter('truncated', /^[a-z_]+: the value ends inside a field$/),
      letter('truncated', /^[a-z_]+: the value ends inside a field$/),
      letter('truncated', /^[a-z_]+: the value ends inside a field$/),
    ],
    isGarbage: true,
  },
  {
    name: 'a count that is negative',
    records: [
      record(avro('auction_stats', { ...auctions, wins: -5 })),
      record(avro('impression', { ...impression, batch_count: 0 })),
    ],
    letters: [letter('bad_field', /^wins /), letter('bad_field', /^batch_count /)],
  },
];

/** Counters and money at the edge of what a number of ours holds, and beyond (docs/semantics.md §2.11). */
// In JSON: the reader of Avro that the oracle leans on stops short of 2^53 − 1.
const half = 2 ** 52;
const countsMost = letter(
  'money_out_of_range',
  /^(requests|deltas.clicks|deltas.impressions) is -?\d+: with what the campaign has/,
);
const sums: readonly Attack[] = [
  {
    name: 'counters of 2^53 − 1',
    records: [1, 2].map(() => record(json('auction_stats', { minute: start, requests: most, bids: most, wins: 7 }))),
    letters: [countsMost, countsMost],
  },
  {
    name: 'counters that are full together, upwards and downwards',
    records: [half, half, -half, -half, 5, -5].map((clicks) =>
      record(json('metric_correction', { applies_to: today, deltas: { clicks } })),
    ),
    letters: [countsMost, countsMost],
    day: { clicks: 0n },
  },
  {
    name: 'impressions of a flight that are full together',
    records: [half - 1, 1_025, -half, -1_025].map((impressions) =>
      record(json('metric_correction', { applies_to: today, deltas: { clicks: 1, impressions } })),
    ),
    letters: [countsMost, countsMost],
    day: { clicks: 2n, impressions: -1n },
  },
  {
    name: 'cumulative spend that swings from end to end',
    records: [-most, most, -most, 0, most].map((amount_micros) =>
      record(
        json('spend', { ...spend, source: 'dsp', basis: 'TOTAL', amount_micros, cumulative: true, campaign_id: 'fed' }),
      ),
    ),
    // A statement replaces the one before: the distance between two is nothing that anybody adds.
    letters: [],
    day: { spend_micros: BigInt(most) },
  },
  {
    name: 'a total that is told ten thousand times',
    records: Array.from({ length: 10_000 }, (_, index) =>
      record(
        json('spend', {
          ...spend,
          source: 'dsp',
          basis: 'TOTAL',
          amount_micros: most - index,
          cumulative: true,
          campaign_id: 'fed',
        }),
      ),
    ),
    // What it replaces is taken off: a total weighs once (docs/semantics.md §2.11).
    letters: [],
    day: { spend_micros: BigInt(most) - 9_999n },
  },
  {
    name: '1,100 spends of 2^53 − 1, which no column of 64 bits holds',
    records: Array.from({ length: 1_100 }, () =>
      record(json('spend', { ...spend, source: 'dsp', basis: 'TOTAL', amount_micros: most, campaign_id: 'fed' })),
    ),
    letters: Array.from({ length: 1_100 - 512 }, () =>
      letter('money_out_of_range', /^amount_micros is 9007199254740991: with/),
    ),
    day: { spend_micros: 512n * BigInt(most) },
  },
  {
    name: 'as many adjustments, up and down',
    records: Array.from({ length: 2_200 }, (_, index) =>
      record(json('spend_adjustment', { ...adjustment, delta_micros: index % 2 === 0 ? most : -most })),
    ),
    letters: Array.from({ length: 2_200 - 1_024 }, () => letter('money_out_of_range', /^delta_micros is -?\d+: with/)),
    day: { spend_micros: 0n, adjustment_micros: 0n },
  },
  {
    name: 'revenue of reversals as large',
    records: Array.from({ length: 600 }, () =>
      record(json('conversion', { ...money, conversion_time: start, revenue_micros: most, reversal: true })),
    ),
    letters: Array.from({ length: 600 - 512 }, () =>
      letter('money_out_of_range', /^revenue_micros is -9007199254740991: with/),
    ),
    day: { revenue_by_touch_micros: -512n * BigInt(most), conversions_by_touch: -512_000_000n },
  },
  {
    name: 'plain clicks of a campaign that is full',
    records: [
      ...Array.from({ length: 513 }, () => record(json('spend_adjustment', { ...adjustment, delta_micros: most }))),
      ...Array.from({ length: 3 }, () => record(json('click', { ...money, cost_micros: 1_000 }))),
      record(json('impression', { ...money, cpm_micros: most, batch_count: 1 })),
    ],
    letters: [letter('money_out_of_range', /^delta_micros/), letter('money_out_of_range', /^cpm_micros/)],
    day: { spend_micros: 512n * BigInt(most) + 3_000n, clicks: 3n, impressions: 0n },
  },
];

/** Keys, times and texts that producers get wrong, each with a sentence that says how. */
const oddProducers: readonly Attack[] = [
  {
    name: 'keys that are none, another, or larger than the record',
    records: [null, '', 'Evil', 'x'.repeat(1_000_000)].map((key) => record(avro('click', money), key)),
    letters: Array.from({ length: 4 }, () => letter('key_mismatch', /^the record key is not the organization "evil"$/)),
  },
  {
    name: 'values that are no records',
    records: [null, new Uint8Array(0), Uint8Array.of(0), Buffer.alloc(2_000_000, 32)].map((value) => record(value)),
    letters: [
      letter('empty_value', /no value/),
      letter('empty_value', /no value/),
      letter('bad_framing', /ends inside the schema id/),
      letter('too_large', /2000000 bytes/),
    ],
    isGarbage: true,
  },
  {
    name: 'times in other units',
    records: [0, -1, most, start * 1_000, start / 1_000].map((event_time) =>
      record(json('click', { ...money, event_time })),
    ),
    letters: [
      letter('bad_time', /^event_time is 0, not/),
      letter('bad_time', /^event_time is -1, not/),
      letter('bad_time', /^event_time is 9007199254740991, not/),
      letter('bad_time', /^event_time is 1772452800000000, not/),
      letter('bad_time', /it looks like seconds$/),
    ],
  },
  {
    name: 'dates and counters that are not there',
    records: [
      record(json('metric_correction', { deltas: { clicks: 1 } })),
      record(json('metric_correction', { applies_to: today, deltas: {} })),
      record(json('metric_correction', { applies_to: 1e9, deltas: { clicks: 1 } })),
    ],
    letters: [
      letter('bad_field', /^applies_to must be a date between 2000 and 2100, it is missing$/),
      letter('bad_field', /^deltas name no counter$/),
      letter('bad_field', /^applies_to must be a date between 2000 and 2100, it is 1000000000$/),
    ],
  },
  {
    name: 'plans that are something else',
    records: ['{}', '[]', '7', 'null', '"x"'].map((body, index) =>
      record(json('org_plan', { number: 2 + index, hash: 'x', body })),
    ),
    letters: Array.from({ length: 5 }, () => letter('bad_plan', /^(?!.*Invalid input)./)),
  },
  {
    name: 'two values of JSON, other encodings, broken text',
    records: [
      Buffer.concat([json('click', money), json('click', money)]),
      Buffer.from('\ufeff{"type":"click"}', 'utf16le'),
      Buffer.concat([Buffer.from('{"type":"click","x":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    ].map((value) => record(value)),
    letters: [letter('bad_json', /./), letter('bad_framing', /./), letter('bad_json', /not UTF-8/)],
    isGarbage: true,
  },
];

export const recordAttacks: readonly Attack[] = [
  ...oddJson,
  ...marked,
  ...oddPlans,
  ...oddAvro,
  ...oddProducers,
  ...sums,
];
