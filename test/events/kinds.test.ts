import { expect, test } from 'vitest';
import { compileRowReader } from '../../src/decoders/avro-columns.ts';
import { readerSchema } from '../../src/decoders/event-schemas.ts';
import type { AvroField, AvroType } from '../../src/events/avro/schema.ts';
import type { EventColumn } from '../../src/events/event-columns.ts';
import { kind, kindsByName, rowKindNames } from '../../src/events/kinds.ts';

test('numbers are dense, each of one kind, and small enough for their column', () => {
  const numbers = kindsByName.map(([, { number }]) => number).sort((a, b) => a - b);
  expect(numbers).toEqual(numbers.map((_, place) => place + 1));
  expect(rowKindNames.map((name) => kind[name])).toEqual(rowKindNames.map((_, number) => number));
  expect(numbers.at(-1)).toBeLessThan(256);
});

test('what generated code reads names a campaign, and all of it has a place', () => {
  for (const [name, facts] of kindsByName.filter(([, { isHot }]) => isHot)) {
    expect([name, facts.class === 'delivery' || facts.class === 'rare']).toEqual([name, true]);
    const record = readerSchema(name);
    expect(() => compileRowReader(name, record, record)).not.toThrow();
  }
});

test('two fields of a kind never share a column', () => {
  for (const [name, { columns }] of kindsByName) {
    const taken = Object.values(columns).map(placeOf);
    expect([name, new Set(taken).size]).toEqual([name, taken.length]);
  }
});

test.each(kindsByName)(
  '%s: every column is a field of its schema, of a type and with a default that fit',
  (name, facts) => {
    const { fields } = readerSchema(name);
    for (const [fieldName, column] of Object.entries(facts.columns)) {
      const field = fields.find((each) => each.name === fieldName);
      expect(field, `${name}.${fieldName}`).toBeDefined();
      expect(typesOf(column), fieldName).toContain(plain((field as AvroField).type).kind);
      expect([fieldName, mayBeAbsent(column)]).toEqual([fieldName, (field as AvroField).hasDefault]);
      if (column.take === 'symbol' || column.take === 'symbolFlag') {
        const { symbols } = plain((field as AvroField).type) as { symbols: readonly string[] };
        expect(column.symbols).toEqual(symbols);
      }
    }
  },
);

function placeOf(column: EventColumn): string {
  if (column.take === 'currency') return 'currencies';
  return 'bit' in column ? `flag ${column.bit}` : column.column;
}

function plain(type: AvroType): AvroType {
  return type.kind === 'union' ? (type.branches.find((branch) => branch.kind !== 'null') as AvroType) : type;
}

function typesOf({ take }: EventColumn): readonly string[] {
  const types: Readonly<Record<EventColumn['take'], readonly string[]>> = {
    money: ['long'],
    count: ['long'],
    smallCount: ['int'],
    weight: ['double'],
    instant: ['long'],
    day: ['int'],
    symbol: ['enum'],
    flag: ['boolean'],
    symbolFlag: ['enum'],
    currency: ['string'],
    label: ['string'],
  };
  return types[take];
}

function mayBeAbsent(column: EventColumn): boolean {
  if (column.take === 'currency') return column.isOptional === true;
  return (
    column.take === 'flag' ||
    column.take === 'label' ||
    column.take === 'symbolFlag' ||
    ('absent' in column && column.absent !== undefined)
  );
}
