import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { applyPlans } from '../../src/plans/apply-plans.ts';
import { changeKeyRing } from '../../src/plans/key-ring.ts';
import { makeKeyFile, type PlanSigner, readSigner } from '../../src/plans/plan-signer.ts';
import type { PlanDraft } from '../../src/rules/plan.ts';
import { PlanGate } from '../../src/rules/plan-gate.ts';
import { RecordedPlans } from './postgres/recorded-plans.ts';

const dir = mkdtempSync(join(tmpdir(), 'paceline-keys-'));
afterAll(() => rmSync(dir, { recursive: true }));
let made = 0;
const makeSigner = (): PlanSigner => makeKeyFile(join(dir, `${++made}.pem`));

function draft(org_id: string, zone: string): PlanDraft {
  return {
    format: 1,
    org_id,
    defaults: {
      zone,
      evaluate_every_ms: 300_000,
      spend: { from: 'impressions', source: '', cost_basis: 'MEDIA' },
      delivery_source: null,
      profile: null,
      day_allowance_bp: 10_000,
    },
    sources: {},
    profiles: {},
    rules: [],
    campaigns: {},
  };
}

/** What each lane makes of what was appended to it: `org number` in force, or the reason of a refusal. */
function judge(log: RecordedPlans, root: string): string[] {
  return Array.from({ length: log.partitions }, (_, partition) => {
    const gate = new PlanGate({ partition, root });
    const numbers = new Map<string, number>();
    for (const record of log.records.filter((each) => each.partition === partition)) {
      const { orgId: org_id, number, body, signature } = record;
      const plans = { numberOf: (orgId: string) => numbers.get(orgId), organizations: () => numbers.keys() };
      const verdict = gate.take({ org_id, number, body, signature, offset: numbers.size }, plans);
      if (verdict.kind === 'refused') return `${org_id} ${number}: ${verdict.detail}`;
      if (verdict.kind === 'in_force') numbers.set(org_id, number);
    }
    return `ring ${gate.ringNumber}; ${[...numbers].map((each) => each.join(' ')).join(', ')}; unsigned ${gate.unsignedOrganizations.join()}`;
  });
}

describe('plans of a signed stream', () => {
  let log: RecordedPlans;
  let root: PlanSigner;
  beforeEach(() => {
    log = new RecordedPlans(2);
    root = makeSigner();
    log.signing = { root: root.publicKey, signer: root };
  });
  const drafts = (zone: string) => [draft('_default', zone), draft('acme', zone)];

  test('the ring comes first, then plans that every lane takes; twice is once', async () => {
    await applyPlans(drafts('UTC'), log);
    await applyPlans(drafts('Asia/Tokyo'), log);
    expect(judge(log, root.publicKey)).toEqual([
      'ring 1; _default 2, acme 2; unsigned ',
      'ring 1; _default 2; unsigned ',
    ]);
    const before = log.records.length;
    expect((await applyPlans(drafts('Asia/Tokyo'), log)).every(({ offset }) => offset === null)).toBe(true);
    expect(log.records).toHaveLength(before);
  });

  test('from unsigned to signed: what is in force is said again, signed', async () => {
    const { signing } = log;
    log.signing = { root: null, signer: null };
    await applyPlans(drafts('UTC'), log);
    log.signing = signing;
    await applyPlans(drafts('UTC'), log);
    expect(judge(log, root.publicKey)).toEqual([
      'ring 1; _default 2, acme 2; unsigned ',
      'ring 1; _default 2; unsigned ',
    ]);
  });

  test('a new key signs once an old one let it in, and an old one that left does not', async () => {
    await applyPlans(drafts('UTC'), log);
    const next = makeSigner();
    log.signing = { root: root.publicKey, signer: next };
    await expect(applyPlans(drafts('Asia/Tokyo'), log)).rejects.toMatchObject({
      code: 'CONTROL_REFUSED',
      message: expect.stringContaining(`key ${next.keyId} of plans.key_file is not in the key ring of lane 0`),
    });
    log.signing = { root: root.publicKey, signer: root };
    const added = await changeKeyRing(log, (keys) => [...keys, next.publicKey]);
    expect(added.map(({ number }) => number)).toEqual([2, 2]);
    log.signing = { root: root.publicKey, signer: next };
    await changeKeyRing(log, (keys) => keys.filter((key) => key !== root.publicKey));
    await applyPlans(drafts('Asia/Tokyo'), log);
    expect(judge(log, root.publicKey)).toEqual([
      'ring 3; _default 2, acme 2; unsigned ',
      'ring 3; _default 2; unsigned ',
    ]);
    log.signing = { root: root.publicKey, signer: root };
    await expect(applyPlans(drafts('UTC'), log)).rejects.toMatchObject({ code: 'CONTROL_REFUSED' });
  });

  test('a key that is not the one of the stream begins no ring, and without a key nothing is written', async () => {
    const stranger = makeSigner();
    log.signing = { root: root.publicKey, signer: stranger };
    await expect(applyPlans(drafts('UTC'), log)).rejects.toMatchObject({
      code: 'CONTROL_REFUSED',
      message: expect.stringContaining(`must be signed by key ${root.keyId} of plans.root_key`),
    });
    log.signing = { root: root.publicKey, signer: null };
    await expect(applyPlans(drafts('UTC'), log)).rejects.toMatchObject({ code: 'CONTROL_REFUSED' });
    expect(log.records).toEqual([]);
  });
});

test('an organization for which no number is left holds up no other', async () => {
  const log = new RecordedPlans(1);
  await applyPlans([draft('acme', 'UTC')], log);
  log.records.push({ ...log.records[0], number: 4_294_967_295 });
  await expect(applyPlans([draft('acme', 'Asia/Tokyo'), draft('bolt', 'UTC')], log)).rejects.toMatchObject({
    code: 'RULE_INVALID',
    message: expect.stringContaining('acme: plan 4294967295 is in force in partition 0, and no plan can follow it'),
  });
  expect(log.inForce('bolt')?.number).toBe(1);
});

describe('a key file', () => {
  test('is made for its owner alone, never over another, and is never told', () => {
    const file = join(dir, 'made.pem');
    const signer = makeKeyFile(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readSigner(file, 'plans.key_file').publicKey).toBe(signer.publicKey);
    expect(() => makeKeyFile(file)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(JSON.stringify(signer)).not.toContain(readFileSync(file, 'utf8').split('\n')[1]);
  });

  test.each([
    [
      'that others may read',
      () =>
        readSigner(
          with_(makeKey(), (file) => chmodSync(file, 0o640)),
          'plans.key_file',
        ),
      /others than its owner may read .* \(mode 0640\); chmod 600/,
    ],
    ['that is not there', () => readSigner(join(dir, 'none.pem'), 'plans.key_file'), /plans\.key_file: there is no /],
    [
      'that holds no key',
      () =>
        readSigner(
          with_(makeKey(), (file) => writeFileSync(file, 'secret words')),
          'plans.key_file',
        ),
      /holds no private key in PEM/,
    ],
    [
      'that is a directory',
      () => readSigner(with_(makeKey(), (file) => chmodSync(file, 0o600)).replace(/[^/]+$/, ''), 'plans.key_file'),
      /plans\.key_file/,
    ],
  ])('%s is refused in words that tell nothing of it', (_, read, words) => {
    expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(words) }));
    expect(read).not.toThrow(/secret words/);
  });
});

function makeKey(): string {
  const file = join(dir, `${++made}.pem`);
  makeKeyFile(file);
  return file;
}

function with_(file: string, change: (file: string) => void): string {
  change(file);
  return file;
}
