import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { planRecord } from '../../src/plans/apply-plans.ts';
import { PlanSigner } from '../../src/plans/plan-signer.ts';
import type { PlanDraft } from '../../src/rules/plan.ts';
import type { KeyRingDraft } from '../../src/rules/plan-gate.ts';
import type { TestRecord } from './batch-builder.ts';
import { printTables, runLane, whole } from './run-lane.ts';

const [root, next, stranger] = Array.from(
  { length: 3 },
  () => new PlanSigner(generateKeyPairSync('ed25519').privateKey),
);

const ring = (...signers: PlanSigner[]): KeyRingDraft => ({
  format: 1,
  org_id: '_keys',
  keys: signers.map(({ publicKey }) => publicKey),
});

function plan(org_id: string, zone = 'UTC'): PlanDraft {
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

/** A log of plan records, one a minute; `signer` null = unsigned. */
function logOf(said: readonly (readonly [PlanDraft | KeyRingDraft, number, PlanSigner | null])[]): TestRecord[] {
  return said.map(([draft, number, signer], offset) => {
    const signing = { root: signer === null ? null : root.publicKey, signer };
    const { orgId, hash, body, signature } = planRecord(draft, 0, number, signing);
    return {
      kind: 'org_plan',
      org: orgId,
      key: orgId.startsWith('_') ? null : orgId,
      offset,
      logTime: 1_790_000_000_000 + offset * 60_000,
      detail: { kind: 'org_plan', org_id: orgId, number, hash, body, signature },
    };
  });
}

const story = logOf([
  [plan('_default'), 1, null],
  [ring(root), 1, root],
  [plan('_default', 'Asia/Tokyo'), 4_294_967_295, null],
  [plan('acme'), 1, stranger],
  [plan('_default', 'Asia/Tokyo'), 2, root],
  [plan('acme'), 1, root],
  [ring(stranger), 2, stranger],
  [ring(root, next), 2, root],
  [plan('acme', 'Asia/Tokyo'), 2, next],
  [plan('acme', 'Asia/Tokyo'), 90, next],
  [ring(next), 3, next],
  [plan('acme'), 3, root],
]);

const refusedOffsets = (rows: ReturnType<typeof runLane>) =>
  [...rows.dead_letters.values()]
    .map((row) => [Number((row.version as bigint) & 0xffff_ffff_ffffn), row.reason])
    .sort(([a], [b]) => Number(a) - Number(b));

test('a lane of a signed stream refuses what nobody of the ring signed, however it is run', () => {
  const run = (drive = whole) => runLane(story, drive, undefined, root.publicKey);
  const expected = run();
  expect(refusedOffsets(expected)).toEqual([2, 3, 6, 9, 11].map((offset) => [offset, 'bad_signature']));
  for (const drive of [
    { batch: () => 1, commits: () => true, crashes: () => true },
    { batch: () => 2, commits: () => true, crashes: () => true },
    { batch: () => 5, commits: () => true, crashes: () => false },
  ])
    expect(printTables(run(drive))).toBe(printTables(expected));
});

test('a lane whose generation names no key takes plans as they come', () => {
  // The rings of nobody are records of a reserved organization without a key.
  const rings = story.flatMap(({ org, offset }) => (org === '_keys' ? [[offset, 'key_mismatch']] : []));
  expect(refusedOffsets(runLane(story, whole))).toEqual(rings);
});
