import { type AvroField, type AvroRecord, type AvroType, parseRecordSchema } from '../../src/events/avro/schema.ts';

/**
 * What a newer version of a schema must not do to an older one, as sentences: data of either version
 * must stay readable by the other (Avro "full" compatibility), and a field keeps its place in the world.
 */
export function incompatibilities(older: unknown, newer: unknown): string[] {
  const [before, after] = [parseRecordSchema(older, 'older'), parseRecordSchema(newer, 'newer')];
  return [
    ...(before.name === after.name ? [] : [`the record ${before.name} is now ${after.name}`]),
    ...before.fields.flatMap((field) => fieldTrouble(field, after)),
    ...after.fields
      .filter((field) => !field.hasDefault && find(before, field.name) === undefined)
      .map(({ name }) => `${name} is new and has no default`),
  ];
}

function fieldTrouble(field: AvroField, after: AvroRecord): string[] {
  const now = find(after, field.name);
  if (now === undefined) return [`${field.name} is gone`];
  return [
    ...(field.hasDefault && !now.hasDefault ? [`${field.name} lost its default`] : []),
    ...(JSON.stringify(field.default) === JSON.stringify(now.default) ? [] : [`${field.name} has another default`]),
    ...typeTrouble(field.name, field.type, now.type),
    ...(field.logicalType === now.logicalType ? [] : [`${field.name} means something else`]),
  ];
}

function typeTrouble(name: string, before: AvroType, after: AvroType): string[] {
  if (before.kind === 'enum' && after.kind === 'enum') {
    const gone = before.symbols.filter((symbol, index) => after.symbols[index] !== symbol);
    const grown = after.symbols.length > before.symbols.length && before.default === undefined;
    return [
      ...gone.map((symbol) => `${name} lost or moved ${symbol}`),
      ...(grown ? [`${name} grew without a default`] : []),
    ];
  }
  if (before.kind === 'union' && after.kind === 'union' && before.branches.length === after.branches.length) {
    return before.branches.flatMap((branch, index) => typeTrouble(name, branch, after.branches[index]));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [`${name} has another type`];
}

function find(record: AvroRecord, name: string): AvroField | undefined {
  return record.fields.find((field) => field.name === name);
}
