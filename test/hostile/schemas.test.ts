import { expect, test } from 'vitest';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { decodeRows } from '../decoders/decode-records.ts';
import { schemaJson } from '../decoders/schema-json.ts';
import { avro } from './producer.ts';
import { type SchemaAttack, schemaAttacks, written } from './schemas.ts';

// Writer schemas come from a registry that others fill: whatever one says, the process lives, what we
// read is read right, and what we do not read is passed over.
const released = new EmbeddedRegistry();

async function read(attack: SchemaAttack) {
  const { schema, value } = written(attack);
  const registry = {
    schema: (id: number) =>
      id === 7 ? Promise.resolve({ json: schema, references: attack.references ?? [] }) : released.schema(id),
  };
  return await decodeRows([{ value: good }, { value }, { value: good }], registry);
}

const good = avro('click', { org_id: 'acme', currency: 'EUR' });

test.each(schemaAttacks)('$name', async (attack) => {
  const [first, row, last] = await read(attack);
  expect([first.kind, last.kind]).toEqual(['click', 'click']);
  if (attack.letter !== undefined) {
    const [reason, detail] = attack.letter;
    const [given, sentence] = [row.reject?.split(': ', 1)[0], row.reject?.slice(row.reject.indexOf(': ') + 2)];
    expect(row.kind).toBe('rejected');
    expect(given).toMatch(new RegExp(`^${reason}$`));
    expect(sentence).toMatch(detail);
    return;
  }
  expect(row.reject).toBeNull();
  const { before: _, behind: __, schema: ___, ...plain } = attack;
  const ours = await read({ ...plain, schema: schemaJson(attack.kind) });
  expect({ ...row, eventId: null }).toEqual({ ...ours[1], eventId: null });
});
