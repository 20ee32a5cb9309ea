import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/rules/compile-plan.ts';
import { PlanGate, type PlanRecordRead } from '../../src/rules/plan-gate.ts';
import {
  planKeyId,
  readPublicKey,
  signatureProblem,
  signedBytes,
  writePublicKey,
  writeSignature,
} from '../../src/rules/plan-signature.ts';

interface Signer {
  readonly text: string;
  readonly privateKey: KeyObject;
}

function makeSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, text: writePublicKey(publicKey) };
}

const partition = 3;

function planBody(orgId: string, number: number, zone = 'UTC'): string {
  return canonicalJson({
    format: 1,
    org_id: orgId,
    number,
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
  });
}

function record(
  orgId: string,
  number: number,
  body: string,
  signer?: Signer,
  signedPartition = partition,
): PlanRecordRead {
  const bytes = signedBytes({ partition: signedPartition, orgId, number, body });
  const signature =
    signer === undefined ? '' : writeSignature(planKeyId(signer.text), sign(null, bytes, signer.privateKey));
  return { org_id: orgId, number, body, signature, offset: 0 };
}

const plan = (orgId: string, number: number, signer?: Signer, zone?: string) =>
  record(orgId, number, planBody(orgId, number, zone), signer);
const ring = (number: number, keys: readonly Signer[], signer?: Signer, inPartition?: number) =>
  record(
    '_keys',
    number,
    canonicalJson({ format: 1, org_id: '_keys', number, keys: keys.map(({ text }) => text) }),
    signer,
    inPartition,
  );

/** A lane's plans as the gate sees them, and what it said to each record. */
class Lane {
  readonly numbers = new Map<string, number>();
  readonly gate: PlanGate;
  constructor(root: string | null) {
    this.gate = new PlanGate({ partition, root });
  }
  take(taken: PlanRecordRead): string {
    const verdict = this.gate.take(taken, {
      numberOf: (orgId) => this.numbers.get(orgId),
      organizations: () => this.numbers.keys(),
    });
    if (verdict.kind === 'in_force') this.numbers.set(taken.org_id, taken.number);
    return verdict.kind === 'refused' ? `${verdict.reason}: ${verdict.detail}` : verdict.kind;
  }
}

let root: Signer;
let next: Signer;
let stranger: Signer;
beforeEach(() => {
  [root, next, stranger] = [makeSigner(), makeSigner(), makeSigner()];
});

describe('a stream whose generation names no key', () => {
  test('takes plans as they come, signed or not, and knows no ring', () => {
    const lane = new Lane(null);
    expect(lane.take(plan('acme', 1))).toBe('in_force');
    expect(lane.take(plan('acme', 9, stranger))).toBe('in_force');
    expect(lane.take(plan('acme', 9))).toBe('stale');
    expect(lane.take(ring(1, [root], root))).toMatch(/^bad_plan/);
    expect(lane.gate.ringBody).toBe(null);
  });
});

describe('a stream whose generation names a key', () => {
  test('begins with a ring that this key signed, and then takes only what a key of the ring signed', () => {
    const lane = new Lane(root.text);
    expect(lane.take(ring(1, [stranger], stranger))).toMatch(/^bad_signature: the key [0-9a-f]{16} is not one/);
    expect(lane.take(ring(1, [stranger]))).toBe('bad_signature: the plan is not signed');
    expect(lane.take(ring(1, [root], root))).toBe('keys');
    expect(lane.take(plan('acme', 1))).toBe('bad_signature: the plan is not signed');
    expect(lane.take(plan('acme', 1, stranger))).toMatch(/^bad_signature: the key/);
    expect(lane.take({ ...plan('acme', 1, root), body: planBody('acme', 1, 'Asia/Tokyo') })).toMatch(
      /^bad_signature: the signature is not that of key/,
    );
    expect(lane.take({ ...plan('acme', 1, root), signature: 'x' })).toMatch(
      /^bad_signature: the signature is not "key/,
    );
    expect(lane.take(plan('acme', 1, root))).toBe('in_force');
  });

  test('numbers may not jump, and what was signed for another lane is not for this one', () => {
    const lane = new Lane(root.text);
    lane.take(ring(1, [root], root));
    expect(lane.take(plan('acme', 5, root))).toBe('in_force');
    expect(lane.take(plan('acme', 7, root))).toBe('bad_signature: number 7 does not follow 5, the one in force');
    expect(lane.take(plan('acme', 5, root))).toBe('stale');
    // Whoever writes after a log forgot plans begins above all numbers that they can have had.
    expect(lane.take({ ...plan('acme', 900, root), offset: 898 })).toMatch(/^bad_signature: number 900/);
    const other = new Lane(root.text);
    for (const each of [ring(1, [root], root), plan('acme', 5, root)]) other.take(each);
    expect(other.take({ ...plan('acme', 900, root), offset: 899 })).toBe('in_force');
    expect(lane.take(record('acme', 6, planBody('acme', 6), root, partition + 1))).toMatch(/^bad_signature/);
    expect(lane.take(plan('acme', 6, root))).toBe('in_force');
  });

  test('a new key is signed by an old one, and an old key that left signs nothing more', () => {
    const lane = new Lane(root.text);
    lane.take(ring(1, [root], root));
    expect(lane.take(ring(2, [root, next], stranger))).toMatch(/^bad_signature/);
    expect(lane.take(ring(3, [next], root))).toBe('bad_signature: number 3 does not follow 1, the one in force');
    expect(lane.take(ring(2, [root, next], root))).toBe('keys');
    expect(lane.take(plan('acme', 1, next))).toBe('in_force');
    expect(lane.take(ring(3, [next], next))).toBe('keys');
    expect(lane.take(plan('acme', 2, root))).toMatch(/^bad_signature: the key/);
    // Not even the key that the stream began with comes back by itself.
    expect(lane.take(ring(4, [root], root))).toMatch(/^bad_signature: the key/);
    expect(lane.take(plan('acme', 2, next))).toBe('in_force');
  });

  test('what was in force before the first ring stays so, and its first signed plan replaces it whatever its number', () => {
    const lane = new Lane(root.text);
    expect(lane.take(plan('acme', 4_294_967_295))).toBe('in_force');
    expect(lane.take(plan('bolt', 2))).toBe('in_force');
    expect(lane.take(ring(1, [root], root))).toBe('keys');
    expect(lane.gate.unsignedOrganizations).toEqual(['acme', 'bolt']);
    expect(lane.take(plan('acme', 3))).toBe('bad_signature: the plan is not signed');
    expect(lane.take(plan('acme', 3, root))).toBe('in_force');
    expect(lane.take(plan('acme', 4, root))).toBe('in_force');
    expect(lane.gate.unsignedOrganizations).toEqual(['bolt']);
  });

  test('a lane that is restored goes on as if it had never stopped', () => {
    const lane = new Lane(root.text);
    for (const each of [plan('acme', 2), ring(1, [root], root), ring(2, [next], root), plan('bolt', 1, next)])
      lane.take(each);
    const again = new Lane(root.text);
    again.gate.restore(lane.gate.ringBody, lane.gate.unsignedOrganizations);
    for (const [orgId, number] of lane.numbers) again.numbers.set(orgId, number);
    for (const each of [plan('acme', 1, next), plan('acme', 3, next), plan('bolt', 2, root), plan('bolt', 2, next)])
      expect(again.take(each)).toBe(lane.take(each));
    expect([...again.numbers]).toEqual([...lane.numbers]);
  });

  test('a signed ring that is no ring is a bad plan, and changes nothing', () => {
    const lane = new Lane(root.text);
    const bodies = ['{}', '[', canonicalJson({ format: 1, org_id: '_keys', number: 1, keys: [] })];
    bodies.push(canonicalJson({ format: 1, org_id: '_keys', number: 1, keys: ['ed25519:AAAA'] }));
    bodies.push(canonicalJson({ format: 1, org_id: '_keys', number: 2, keys: [root.text] }));
    for (const body of bodies) expect(lane.take(record('_keys', 1, body, root))).toMatch(/^bad_plan/);
    expect(lane.gate.ringNumber).toBe(0);
  });
});

test('a public key has one way of being written, and Ed25519 is what RFC 8032 says', () => {
  // RFC 8032, section 7.1, test 2.
  const secret = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb';
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(secret, 'hex')]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const text = `ed25519:${Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex').toString('base64url')}`;
  expect(sign(null, Buffer.from('72', 'hex'), privateKey).toString('hex')).toMatch(/^92a009a9f0d4cab8720e820b5f642540/);
  expect(writePublicKey(readPublicKey(text)!)).toBe(text);
  const last = text.slice(-1);
  const alike = String.fromCharCode(last.charCodeAt(0) + 1);
  expect(readPublicKey(`${text.slice(0, -1)}${alike}`)).toBe(null);
  expect(readPublicKey(text.replace('ed25519:', ''))).toBe(null);
  expect(signatureProblem('', { partition: 0, orgId: 'a', number: 1, body: '' }, new Map())).toBe(
    'the plan is not signed',
  );
});
