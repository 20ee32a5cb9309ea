import { createHash, createPublicKey, verify } from 'node:crypto';
import type { RejectReason } from '../../src/events/event-batch.ts';

/** A plan record, or one of keys. */
interface Said {
  readonly org: string;
  readonly number: number;
  readonly body: string;
  readonly signature: string;
  readonly offset: number;
}

interface Ring {
  readonly number: number;
  readonly keys: readonly string[];
}

const keysOrg = '_keys';

/** Who may decide in a lane (docs/semantics.md §3, Signed plans); `root` null = anybody. */
export class PlanKeys {
  readonly #root: string | null;
  readonly #partition: number;
  #ring: Ring | null = null;
  /** Organizations whose plan in force nobody signed. */
  #unsigned: ReadonlySet<string> = new Set();

  constructor(root: string | null, partition: number) {
    this.#root = root;
    this.#partition = partition;
  }

  /** Whether the record is one of keys. */
  isOfKeys(org: string): boolean {
    return this.#root !== null && org === keysOrg;
  }

  /** Whether nobody who may decide said it. */
  isForged(said: Said): boolean {
    return this.#ring !== null && !isSignedBy(this.#ring.keys, said, this.#partition);
  }

  /** What becomes of a sound plan after one of `before`: undefined = there is none. */
  rank({ org, number, offset }: Said, before: number | undefined): 'newer' | 'older' | 'jump' {
    if (before === undefined || this.#unsigned.has(org)) return 'newer';
    if (number <= before) return 'older';
    return this.#ring !== null && number > Math.max(before, offset) + 1 ? 'jump' : 'newer';
  }

  tookPlan(org: string): void {
    this.#unsigned = new Set([...this.#unsigned].filter((each) => each !== org));
  }

  /** `planned`: organizations with a plan of their own, `_default` among them. */
  takeRing(said: Said, planned: Iterable<string>): RejectReason | null {
    const signers = this.#ring?.keys ?? (this.#root === null ? [] : [this.#root]);
    if (!isSignedBy(signers, said, this.#partition)) return 'bad_signature';
    const ring = readRing(said.body);
    if (ring === null || ring.number !== said.number) return 'bad_plan';
    if (this.#ring !== null) {
      if (ring.number <= this.#ring.number) return null;
      if (ring.number > Math.max(this.#ring.number, said.offset) + 1) return 'bad_signature';
    } else this.#unsigned = new Set(planned);
    this.#ring = ring;
    return null;
  }
}

function isSignedBy(keys: readonly string[], { org, number, body, signature }: Said, partition: number): boolean {
  const [id, digits, ...rest] = signature.split('.');
  if (digits === undefined || rest.length > 0 || digits.length !== 86) return false;
  const raw = keys.map((key) => Buffer.from(key.slice('ed25519:'.length), 'base64url'));
  const signer = raw.find((bytes) => createHash('sha256').update(bytes).digest('hex').startsWith(id));
  if (signer === undefined || id.length !== 16) return false;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: signer.toString('base64url') }, format: 'jwk' });
  const said = Buffer.from(['paceline plan 1', partition, org, number, body].join('\n'));
  return verify(null, said, key, Buffer.from(digits, 'base64url'));
}

function readRing(body: string): Ring | null {
  const { format, org_id, number, keys } = JSON.parse(body) as Record<string, unknown>;
  const isRing = format === 1 && org_id === keysOrg && typeof number === 'number' && Array.isArray(keys);
  return isRing && keys.length >= 1 && keys.length <= 16 ? { number, keys } : null;
}
