import pg from 'pg';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { ConfluentRegistry } from '../../src/decoders/registry/confluent-registry.ts';
import { frameValue } from '../../src/events/avro/encode.ts';
import { collectFacts } from '../model/collect-facts.ts';
import { ruleText } from '../plans/postgres/rows.ts';
import { EngineBench, eventually, impression } from './engine-bench.ts';

// Records and rules that nobody can use, between others that are good.
const unknownId = 987_654_321;

/** Registers the schema of clicks with a text where we want a number; resolves with its id. */
async function registerUnfit(url: string, subject: string): Promise<number> {
  const { byKind } = await new ConfluentRegistry({ url }, systemClock).lookUp();
  const click = await new ConfluentRegistry({ url }, systemClock).schema(byKind.get('click')!);
  const schema = structuredClone(click?.json) as { fields: { name: string; type: unknown; default?: unknown }[] };
  const field = schema.fields.find(({ name }) => name === 'cost_micros')!;
  [field.type, field.default] = ['string', ''];
  const answer = await fetch(`${url}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schemaType: 'AVRO', schema: JSON.stringify(schema) }),
  });
  return ((await answer.json()) as { id: number }).id;
}

test('an unknown schema id and a schema that does not fit become dead letters that name them', async () => {
  await using bench = await EngineBench.open();
  const { url } = bench.stack.addresses.registry;
  const subject = `${bench.names.name}-value`;
  const unfitId = await registerUnfit(url, subject);
  try {
    expect(unfitId).toBeGreaterThan(0);
    const engine = await bench.start();
    const body = new Uint8Array(40);
    await bench.produce([
      impression('acme', 2),
      { org: 'acme', value: frameValue(unknownId, body) },
      { org: 'acme', value: frameValue(unfitId, body) },
      impression('acme', 3),
    ]);
    await eventually(async () => {
      await engine.drain();
      expect(await bench.impressions()).toBe(5);
    });
    const letters = 'SELECT reason, detail, schema_id FROM dead_letters FINAL ORDER BY reason DESC';
    await eventually(async () =>
      expect(await bench.rows(letters)).toEqual([
        {
          reason: 'unknown_schema',
          detail: `schema id ${unknownId} is not in the registry`,
          schema_id: unknownId,
        },
        {
          reason: 'schema_mismatch',
          detail: expect.stringMatching(new RegExp(`^schema id ${unfitId}: .*cost_micros.*string.*long`)),
          schema_id: unfitId,
        },
      ]),
    );
    expect(engine.status()).toMatchObject({ dead_letters: 2, failure: null });
  } finally {
    await fetch(`${url}/subjects/${subject}`, { method: 'DELETE' });
  }
});

test('a broken rule row is told with its place; its organization keeps its plan, others get theirs, each once', async () => {
  await using bench = await EngineBench.open();
  const client = new pg.Client({ connectionString: await bench.addDatabase() });
  await client.connect();
  using appended = collectFacts('plan.appended');
  using refused = collectFacts('plan.refused');
  const plans = () => appended.facts.map(({ orgId, number }) => `${orgId} ${number}`);
  const write = (org: string, text: string) =>
    client.query(
      `INSERT INTO paceline.rules (org_id, id, definition) VALUES ($1, 'mine', $2)
       ON CONFLICT (org_id, id) DO UPDATE SET definition = excluded.definition`,
      [org, text],
    );
  try {
    await client.query("INSERT INTO paceline.organizations (id) VALUES ('acme'), ('beta')");
    // Both instances follow the edits.
    const engines = [await bench.start({}, {}, 'a'), await bench.start({}, {}, 'b')];
    const first = ['_default 1', 'acme 1', 'beta 1'];
    await eventually(() => expect(plans().sort()).toEqual(first));
    await client.query('BEGIN');
    await write('acme', ruleText('mine', 'p.osi < 90.0'));
    await write('beta', ruleText('mine'));
    await client.query('COMMIT');
    await eventually(() => expect(plans().slice(3)).toEqual(['beta 2']));
    await eventually(() => expect(refused.facts.map(({ orgId }) => orgId)).toContain('acme'));
    const [{ problems }] = refused.facts;
    expect(problems[0]).toMatch(/^postgres rules\(acme, mine\)\.definition:5:10: .*osi/);
    await write('acme', ruleText('mine'));
    await eventually(() => expect(plans().slice(4)).toEqual(['acme 2']));
    for (const engine of engines) {
      await engine.stop();
      expect(engine.status()).toMatchObject({ state: 'stopped', failure: null, dead_letters: 0 });
    }
    expect(plans().slice(3)).toEqual(['beta 2', 'acme 2']);
    expect(new Set(refused.facts.map(({ orgId }) => orgId))).toEqual(new Set(['acme']));
  } finally {
    await client.end();
  }
});
