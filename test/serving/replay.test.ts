import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { deadLetters, pacingSnapshots } from '../../src/rows/tables.ts';
import { nowMs, openShop, rowOf, type Shop } from './shop.ts';
import { topic } from './small-log.ts';

// Dead letters over a real log and real tables: what is sent again lies there once, as it came or as it was mended.
let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());
afterEach(() => expect(shop.troubles).toEqual([]));

const hourMs = 3_600_000;
let serial = 0;
const newId = () => (++serial).toString(16).padStart(32, '0');

const click = (org: string, more: object = {}) =>
  JSON.stringify({
    ...{ type: 'click', event_id: newId(), org_id: org, campaign_id: 'spring', event_time: nowMs - hourMs },
    ...{ source: 'adserver', currency: 'EUR', cost_micros: 350_000, ...more },
  });

interface Said {
  readonly org?: string;
  readonly value: string | Uint8Array;
  readonly reason: string;
  readonly key?: string | null;
  readonly hoursAgo?: number;
  readonly kept?: number;
}

/** A record in the log that a lane refused, and its row. */
async function letter({ org = 'acme', value, reason, key = org, hoursAgo = 5, kept = 65_536 }: Said) {
  const bytes = Buffer.from(value);
  const partition = shop.events.partitionOf('acme');
  const offset = await shop.events.put(key, bytes, partition);
  await shop.write(deadLetters, [
    rowOf(deadLetters, {
      ...{ org_id: org, topic, partition, log_offset: BigInt(offset), log_time: nowMs - hoursAgo * hourMs, reason },
      ...{ detail: 'as a test says', schema_id: -1, key: Buffer.from(key ?? ''), raw: bytes.subarray(0, kept) },
      ...{ raw_length: bytes.length, raw_sha256: createHash('sha256').update(bytes).digest('hex') },
      version: (1n << 48n) | BigInt(offset),
    }),
  ]);
  return { topic, partition, log_offset: offset };
}

const nameOf = (at: { topic: string; partition: number; log_offset: number }) =>
  `${at.topic}/${at.partition}/${at.log_offset}`;

type Body = ReturnType<typeof JSON.parse>;

async function replay(body: object, { org = 'acme', token = 'admin~acme', status = 200 } = {}): Promise<Body> {
  const response = await fetch(`${shop.server.url}/api/v1/organizations/${org}/dead-letter-replays`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as Body;
  expect(response.status, JSON.stringify([answer, shop.troubles])).toBe(status);
  return status === 200 ? answer.data : answer;
}

async function recordAt({ partition, log_offset }: Body): Promise<{ key: string | null; value: string | null }> {
  const found = await shop.events.log.record({ partition, offset: log_offset });
  const text = (bytes: Uint8Array | null | undefined) => (bytes == null ? null : Buffer.from(bytes).toString());
  return { key: text(found?.key), value: text(found?.value) };
}

const endOf = async (org: string) => (await shop.events.log.placeOf(org)).offset;

test('the bytes go again as they came, once, and the receipt says where they lie', async () => {
  const value = click('acme');
  const at = await letter({ value, reason: 'unknown_schema' });
  const before = await endOf('acme');
  const dry = await replay({ letters: [nameOf(at)], dry_run: true });
  expect(dry).toMatchObject({ replay_id: null, is_dry_run: true, sent: 1, held_back: 0 });
  expect(dry.letters[0]).toMatchObject({ ...at, outcome: 'would_be_sent', kind: 'click', reason: 'unknown_schema' });
  expect(await endOf('acme')).toBe(before);

  const done = await replay({ letters: [nameOf(at)] });
  expect(done).toMatchObject({
    is_dry_run: false,
    sent: 1,
    held_back: 0,
    replay_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  const [sent] = done.letters;
  expect(sent).toMatchObject({ outcome: 'sent', new_log_offset: before, is_mended: false, replay_id: done.replay_id });
  expect(sent.sha256).toBe(createHash('sha256').update(value).digest('hex'));
  expect(await recordAt({ ...at, log_offset: sent.new_log_offset })).toEqual({ key: 'acme', value });

  const again = await replay({ letters: [nameOf(at)] });
  expect(again).toMatchObject({ replay_id: null, sent: 0, held_back: 1 });
  expect(again.letters[0]).toMatchObject({ outcome: 'already_sent', new_log_offset: before });
  expect(await endOf('acme')).toBe(before + 1);

  const listed = (await (
    await shop.get(`/organizations/acme/dead-letter-replays?replay_id=${done.replay_id}`)
  ).json()) as Body;
  expect(listed.data).toMatchObject([
    { ...at, by: 'user:admin', new_log_offset: before, is_mended: false, sent_at: expect.any(String) },
  ]);
  const audit = (await (await shop.get('/organizations/acme/audit?table=replays')).json()) as Body;
  expect(audit.data.map(({ action, actor }: Body) => `${action} ${actor}`)).toEqual([
    'update user:admin',
    'insert user:admin',
  ]);
  expect(audit.data[0].after).toMatchObject({ to_offset: before, replay_id: done.replay_id });
});

test('of a hundred that ask at once for the same letter one sends it', async () => {
  const at = await letter({ value: click('acme'), reason: 'unknown_schema' });
  const before = await endOf('acme');
  const all = await Promise.all(Array.from({ length: 30 }, () => replay({ letters: [nameOf(at)] })));
  expect(all.filter(({ sent }) => sent === 1)).toHaveLength(1);
  expect(await endOf('acme')).toBe(before + 1);
});

test('a call that died after it had sent is found in the log, one that died before is done over', async () => {
  const { replays } = shop.desk.accounts;
  const by = { actor: 'user:gone', requestId: 'r' };
  for (const isInLog of [true, false]) {
    const value = click('acme');
    const at = await letter({ value, reason: 'unknown_schema' });
    const { partition, offset } = await shop.events.log.placeOf('acme');
    const claim = {
      ...{ topic, partition: at.partition, offset: at.log_offset, isMended: false, newEventId: null },
      ...{ sha256: createHash('sha256').update(value).digest('hex'), toPartition: partition, fromOffset: offset },
    };
    const replayId = '0b0e5c1a-6a55-4d0e-9b8e-6a3c6f0f2a11';
    await replays.take(by, { orgId: 'acme', replayId, staleBeforeMs: 0 }, [claim]);
    if (isInLog) await shop.events.put('acme', value);
    expect((await replay({ letters: [nameOf(at)] })).letters[0]).toMatchObject({ outcome: 'under_way' });
    // Two minutes later; the wall clock of a shop stands still.
    await shop.desk.setBack(replayId, 200_000);
    const end = await endOf('acme');
    const [told] = (await replay({ letters: [nameOf(at)] })).letters;
    expect(told).toMatchObject({ outcome: isInLog ? 'already_sent' : 'sent', new_log_offset: offset });
    expect(await endOf('acme')).toBe(isInLog ? end : end + 1);
    expect((await replay({ letters: [nameOf(at)] })).letters[0]).toMatchObject({ outcome: 'already_sent' });
  }
});

test('what would be refused again is held back, and says why', async () => {
  const cases = [
    [{ value: '{"type":"click"', reason: 'bad_json' }, 'still_refused', /^bad_json: /],
    [
      { value: click('acme', { event_time: nowMs + hourMs }), reason: 'from_the_future' },
      'still_refused',
      /still to come/,
    ],
    [{ value: click('globex'), reason: 'key_mismatch' }, 'still_refused', /of the organization "globex"/],
    [{ value: JSON.stringify({ type: 'tick' }), reason: 'not_ours' }, 'still_refused', /record of the engine/],
    [{ value: click('acme'), reason: 'currency_mismatch', hoursAgo: 1 }, 'id_remembered', /new event ids/],
    [{ value: Buffer.from([0, 0, 0, 39, 15, 1]), reason: 'unknown_schema' }, 'still_refused', /^unknown_schema/],
  ] as const;
  for (const [said, outcome, detail] of cases) {
    const at = await letter(said);
    const before = await endOf('acme');
    const [told] = (await replay({ letters: [nameOf(at)] })).letters;
    expect(told, JSON.stringify(told)).toMatchObject({
      outcome,
      detail: expect.stringMatching(detail),
      new_log_offset: null,
    });
    expect(await endOf('acme')).toBe(before);
  }
});

test('a plan is sent by nobody, in what bytes ever', async () => {
  const { encoder } = makeEventCodec('binary');
  const plan = { org_id: 'acme', number: 9, hash: 'x', body: '{}', signature: '' };
  const at = await letter({ value: encoder.encode('org_plan', plan), reason: 'bad_plan' });
  const other = await letter({ value: click('acme'), reason: 'bad_field' });
  const value = JSON.stringify({ type: 'org_plan', ...plan });
  const { letters } = await replay({ letters: [nameOf(at)] });
  const mended = await replay({ letters: [nameOf(other)], value });
  for (const told of [...letters, ...mended.letters]) expect(told).toMatchObject({ outcome: 'still_refused' });
});

test('a mended value goes as it was given, and a letter of another partition to its own', async () => {
  const at = await letter({ value: '{"type":"click"', reason: 'bad_json' });
  const value = click('acme', { cost_micros: 9_007_199_254_740_991 });
  const [told] = (await replay({ letters: [nameOf(at)], value })).letters;
  expect(told).toMatchObject({ outcome: 'sent', is_mended: true });
  expect(await recordAt({ partition: told.new_partition, log_offset: told.new_log_offset })).toEqual({
    key: 'acme',
    value,
  });
  const [again] = (await replay({ letters: [nameOf(at)], value: click('acme') })).letters;
  expect(again).toMatchObject({ outcome: 'already_sent', is_mended: true });

  const bytes = click('globex');
  const strayed = await letter({ org: 'globex', value: bytes, reason: 'wrong_partition' });
  expect(strayed.partition).not.toBe(shop.events.partitionOf('globex'));
  const [found] = (await replay({ letters: [nameOf(strayed)] }, { org: 'globex', token: 'admin~globex' })).letters;
  expect(found).toMatchObject({ outcome: 'sent', new_partition: shop.events.partitionOf('globex') });
  expect(await recordAt({ partition: found.new_partition, log_offset: found.new_log_offset })).toEqual({
    key: 'globex',
    value: bytes,
  });
});

test('an id that the engine remembers can be another one, the same each time, and nothing else changes', async () => {
  const { encoder } = makeEventCodec('binary');
  const id = Buffer.from(newId(), 'hex');
  const avro = encoder.encode('click', {
    ...{ event_id: id, org_id: 'acme', campaign_id: 'spring', event_time: nowMs - hourMs, source: 'adserver' },
    ...{ currency: 'EUR', cost_micros: 5 },
  });
  for (const value of [avro, click('acme')]) {
    const at = await letter({ value, reason: 'too_many_campaigns', hoursAgo: 1 });
    expect((await replay({ letters: [nameOf(at)] })).letters[0]).toMatchObject({ outcome: 'id_remembered' });
    const dry = (await replay({ letters: [nameOf(at)], new_event_ids: true, dry_run: true })).letters[0];
    const [told] = (await replay({ letters: [nameOf(at)], new_event_ids: true })).letters;
    expect(told).toMatchObject({ outcome: 'sent', event_id: dry.event_id, sha256: dry.sha256 });
    const { log } = shop.events;
    const stored = (await log.record({ partition: told.new_partition, offset: told.new_log_offset }))!.value!;
    const [was, is] = await log.read([
      { key: Buffer.from('acme'), value: Buffer.from(value) },
      { key: Buffer.from('acme'), value: stored },
    ]);
    expect(is.eventId).toBe(told.event_id);
    expect(is.eventId).not.toBe(was.eventId);
    expect({ ...is.fields, event_id: 0 }).toEqual({ ...was.fields, event_id: 0 });
    expect(stored.length).toBe(Buffer.from(value).length);
  }
});

test('a long record comes from the log, whole and proven by its hash', async () => {
  const value = click('acme', { click_id: 'k'.repeat(70_000) });
  const at = await letter({ value, reason: 'unknown_schema', kept: 65_536 });
  const [told] = (await replay({ letters: [nameOf(at)] })).letters;
  expect(told).toMatchObject({ outcome: 'sent' });
  expect((await recordAt({ partition: told.new_partition, log_offset: told.new_log_offset })).value).toBe(value);
});

test('a choice by reason, source and time goes on with its cursor, the oldest first', async () => {
  const values = Array.from({ length: 5 }, (_, n) => click('acme', { source: n === 4 ? 'other' : 'dsp.example' }));
  const addresses = [];
  for (const [n, value] of values.entries())
    addresses.push(await letter({ value, reason: 'bad_zone', hoursAgo: 300 - n }));
  const choice = {
    ...{ reason: 'bad_zone', source: 'dsp.example', limit: 3, new_event_ids: true },
    ...{ from: new Date(nowMs - 301 * hourMs).toISOString(), to: new Date(nowMs - 290 * hourMs).toISOString() },
  };
  const seen: number[] = [];
  let cursor: string | null = null;
  do {
    const response = await fetch(`${shop.server.url}/api/v1/organizations/acme/dead-letter-replays`, {
      method: 'POST',
      headers: { authorization: 'Bearer admin~acme', 'content-type': 'application/json' },
      body: JSON.stringify({ ...choice, ...(cursor !== null && { cursor }) }),
    });
    const { data, next_cursor } = (await response.json()) as Body;
    seen.push(...data.letters.map(({ log_offset }: Body) => log_offset));
    cursor = next_cursor;
  } while (cursor !== null);
  expect(seen).toEqual(addresses.slice(0, 4).map(({ log_offset }) => log_offset));
  const shown = (await (
    await shop.get('/organizations/acme/dead-letters?source=other&reason=bad_zone')
  ).json()) as Body;
  expect(shown.data).toMatchObject([addresses[4]]);
});

test('letters of nobody are the operator’s, who says whose they are', async () => {
  const value = click('acme');
  const at = await letter({ org: '_system', key: null, value, reason: 'key_mismatch' });
  const system = { org: '_system', token: 'operator' };
  await replay({ letters: [nameOf(at)] }, { ...system, status: 400 });
  expect((await replay({ letters: [nameOf(at)], organization_key: 'globex' }, system)).letters[0]).toMatchObject({
    outcome: 'still_refused',
  });
  expect((await replay({ letters: [nameOf(at)], organization_key: '_default' }, system)).letters[0]).toMatchObject({
    outcome: 'still_refused',
  });
  const [told] = (await replay({ letters: [nameOf(at)], organization_key: 'acme' }, system)).letters;
  expect(told).toMatchObject({ outcome: 'sent', new_partition: shop.events.partitionOf('acme') });
  await replay({ letters: [nameOf(at)] }, { org: '_system', token: 'admin~acme', status: 403 });
});

test('only whoever may sends records, and only those of the organization', async () => {
  const at = await letter({ value: click('acme'), reason: 'unknown_schema' });
  for (const token of ['viewer~acme', 'editor~acme', 'admin~globex'])
    await replay({ letters: [nameOf(at)] }, { token, status: 403 });
  const told = await replay({ letters: [nameOf(at)] }, { org: 'globex', token: 'admin~globex' });
  expect(told).toMatchObject({ sent: 0, letters: [{ outcome: 'not_found', reason: null }] });
  expect((await replay({ letters: [nameOf(at)] })).sent).toBe(1);
});

test('what makes no sense is refused with its place', async () => {
  const at = `${topic}/0/0`;
  const wrong = [
    [{ letters: [at], reason: 'bad_json' }, /^reason: letters are named already/],
    [{ letters: [at, at] }, /named twice/],
    [{ letters: [] }, /^letters: /],
    [{ letters: [`${topic}/0`] }, /^letters\.0: must be TOPIC/],
    [{ letters: [at], organization_key: 'acme' }, /^organization_key: is for letters of _system/],
    [{ letters: [at, `${topic}/0/1`], value: '{}' }, /^value: mends one letter/],
    [{ value: '{}' }, /^value: mends one letter/],
    [{ limit: 101 }, /^limit: /],
    [{ source: "a' OR 1" }, /^source: /],
  ] as const;
  for (const [body, detail] of wrong) expect((await replay(body, { status: 400 })).detail).toMatch(detail);
});

test('a record by its address: bytes, fields, what became of it, and the rows that it changed', async () => {
  const value = click('acme');
  const offset = await shop.events.put('acme', value);
  const partition = shop.events.partitionOf('acme');
  await shop.write(pacingSnapshots, [
    rowOf(pacingSnapshots, {
      ...{ org_id: 'acme', campaign_id: 'spring', flight_id: 'f1', status: 'behind', mode: 'EVEN', currency: 'EUR' },
      ...{ as_of: nowMs - hourMs, evaluated_at: nowMs - 1_000, partition, version: (3n << 48n) | BigInt(offset) },
    }),
  ]);
  const path = (org: string, at = offset) => `/organizations/${org}/records/${topic}/${partition}/${at}`;
  const { data } = (await (await shop.get(path('acme'), { token: 'viewer~acme' })).json()) as Body;
  expect(data).toMatchObject({
    ...{ topic, partition, log_offset: offset, held_by: 'log', kind: 'click', fate: 'taken', problem: null },
    ...{ raw_base64: Buffer.from(value).toString('base64'), raw_length: value.length },
    fields: { org_id: 'acme', campaign_id: 'spring', cost_micros: 350_000 },
  });
  expect(data.changed).toEqual([
    {
      ...{ table: 'pacing_snapshots', campaign_id: 'spring', flight_id: 'f1', name: '', is_last: true },
      ...{ at: new Date(nowMs - 1_000).toISOString(), version: `3:${offset}` },
    },
  ]);
  const foreign = await shop.get(path('globex'), { token: 'admin~globex' });
  const none = await shop.get(path('globex', 1_000_000), { token: 'admin~globex' });
  expect([foreign.status, none.status]).toEqual([404, 404]);
  const words = async (response: Response) => ((await response.json()) as Body).detail.replaceAll(/\d+/g, 'N');
  expect(await words(foreign)).toBe(await words(none));

  const refused = await letter({ value: '{"type":"click"', reason: 'bad_json' });
  const dead = (await (await shop.get(path('acme', refused.log_offset))).json()) as Body;
  expect(dead.data).toMatchObject({ fate: 'dead_letter', problem: { reason: 'bad_json' }, fields: null, changed: [] });
});

test('GraphQL and Connect send the same', async () => {
  const at = await letter({ value: click('acme'), reason: 'unknown_schema' });
  const { body } = await shop.graphql(
    {
      query: `mutation ($letters: [String!]) { replayDeadLetters(organization: "acme", letters: $letters) { data { sent letters { outcome newLogOffset } } } }`,
      variables: { letters: [nameOf(at)] },
    },
    { token: 'admin~acme' },
  );
  expect(body, JSON.stringify(body)).toMatchObject({
    data: { replayDeadLetters: { data: { sent: 1, letters: [{ outcome: 'sent' }] } } },
  });
  const response = await fetch(`${shop.server.url}/paceline.v1.RecordService/ReplayDeadLetters`, {
    method: 'POST',
    headers: { authorization: 'Bearer admin~acme', 'content-type': 'application/json' },
    body: JSON.stringify({
      organization: 'acme',
      letters: [nameOf(at)],
    }),
  });
  const said = await response.text();
  expect(response.status, said).toBe(200);
  expect(JSON.parse(said)).toMatchObject({
    data: { heldBack: 1, letters: [{ outcome: 'already_sent' }] },
  });
});
