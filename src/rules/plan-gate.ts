import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { planKeysOrg } from '../model/ids.ts';
import { wishOf } from '../model/wish.ts';
import { type CompiledPlan, PlanProblem, parsePlanJson, readPlan } from './compile-plan.ts';
import { planKeyId, readPublicKey, signatureProblem } from './plan-signature.ts';

/** A plan record, as the log holds it. */
export interface PlanRecordRead {
  readonly org_id: string;
  readonly number: number;
  readonly body: string;
  readonly signature: string;
  readonly offset: number;
}

/** What a lane does with a plan record. */
type PlanVerdict =
  | { readonly kind: 'in_force'; readonly compiled: CompiledPlan }
  /** It said whose signatures count from now on. */
  | { readonly kind: 'keys' }
  /** Its number is not above the one in force. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'refused'; readonly reason: 'bad_plan' | 'bad_signature'; readonly detail: string };

/** More keys than people who may sign at a time are a mistake, and each is looked at when a ring is read. */
const keysMax = 16;

const ringSchema = z.strictObject({
  format: z.literal(1),
  org_id: z.literal(planKeysOrg),
  number: z.int().min(1).max(4_294_967_295),
  keys: z
    .array(z.string().refine((text) => readPublicKey(text) !== null, 'is no "ed25519:" and 43 digits of base64url'))
    .min(1)
    .max(keysMax),
});
/** The key ring as a plan of `_keys`: who may sign from its offset on. */
export type KeyRing = z.infer<typeof ringSchema>;
export type KeyRingDraft = Omit<KeyRing, 'number'>;

/** The plans in force, as the gate must know them. */
export interface PlansInForce {
  /** Number of the organization's own plan; undefined when it has none. */
  numberOf(orgId: string): number | undefined;
  organizations(): Iterable<string>;
}

/**
 * Who may speak in a lane: the one judge of its plan records, for the lane itself and for those who
 * write plans and must know what the lane will take.
 *
 * Where the generation names a key (`root`), the lane's first ring must be signed by it, and every later
 * ring and plan by a key of the ring before it. Until that first ring, and where no key is named at all,
 * plans are taken unsigned. Under a ring a number must follow the one before, or be one that follows plans
 * which the log forgot: no number of theirs is above their offset and one. The first signed plan of an
 * organization replaces an unsigned one whatever its number. Pure: a function of root and records.
 */
export class PlanGate {
  readonly #root: string | null;
  readonly #partition: number;
  #ring: { readonly body: string; readonly number: number; readonly keys: ReadonlyMap<string, KeyObject> } | null =
    null;
  /** Organizations whose plan in force is of the time before the first ring. */
  readonly #unsigned = new Set<string>();
  #isChanged = false;

  constructor(lane: { readonly partition: number; readonly root: string | null }) {
    this.#partition = lane.partition;
    this.#root = lane.root;
  }

  /** True where a ring is demanded or in force: then records of `_keys` mean something. */
  get hasRoot(): boolean {
    return this.#root !== null;
  }

  /** The ring in force as it was written; null when there is none. */
  get ringBody(): string | null {
    return this.#ring?.body ?? null;
  }

  get ringNumber(): number {
    return this.#ring?.number ?? 0;
  }

  /** Whether ring or unsigned organizations are others than when `settle` was called last. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  settle(): void {
    this.#isChanged = false;
  }

  /** Sorted, for whoever saves them. */
  get unsignedOrganizations(): string[] {
    return [...this.#unsigned].sort();
  }

  /** Judges a record of this lane and remembers what it changes. The caller puts the plan in force. */
  take(record: PlanRecordRead, plans: PlansInForce): PlanVerdict {
    try {
      return record.org_id === planKeysOrg && this.#root !== null
        ? this.#takeRing(record, plans)
        : this.#takePlan(record, plans);
    } catch (cause) {
      if (!(cause instanceof PlanProblem)) throw cause;
      return { kind: 'refused', reason: 'bad_plan', detail: cause.message };
    }
  }

  /** Takes up what was saved; bodies were judged when they came. */
  restore(ringBody: string | null, unsigned: Iterable<string>): void {
    this.#ring = ringBody === null ? null : ringOf(ringBody);
    this.#unsigned.clear();
    for (const orgId of unsigned) this.#unsigned.add(orgId);
  }

  #takePlan(record: PlanRecordRead, plans: PlansInForce): PlanVerdict {
    const problem =
      this.#ring === null ? null : signatureProblem(record.signature, this.#signed(record), this.#ring.keys);
    if (problem !== null) return { kind: 'refused', reason: 'bad_signature', detail: problem };
    const compiled = readPlan(record.body);
    if (compiled.plan.org_id !== record.org_id || compiled.plan.number !== record.number)
      throw new PlanProblem('body names another organization or number than the record');
    const before = plans.numberOf(record.org_id);
    if (before !== undefined && !(this.#ring !== null && this.#unsigned.has(record.org_id))) {
      if (record.number <= before) return { kind: 'stale' };
      if (this.#ring !== null && isJump(record, before)) return jump(record.number, before);
    }
    if (this.#unsigned.delete(record.org_id)) this.#isChanged = true;
    return { kind: 'in_force', compiled };
  }

  #takeRing(record: PlanRecordRead, plans: PlansInForce): PlanVerdict {
    const problem = signatureProblem(record.signature, this.#signed(record), this.#ring?.keys ?? this.#rootKeys());
    if (problem !== null) return { kind: 'refused', reason: 'bad_signature', detail: problem };
    const ring = ringOf(record.body);
    if (ring.number !== record.number) throw new PlanProblem('body names another number than the record');
    if (this.#ring !== null && ring.number <= this.#ring.number) return { kind: 'stale' };
    if (this.#ring !== null && isJump(record, this.#ring.number)) return jump(ring.number, this.#ring.number);
    if (this.#ring === null) for (const orgId of plans.organizations()) this.#unsigned.add(orgId);
    this.#ring = ring;
    this.#isChanged = true;
    return { kind: 'keys' };
  }

  #signed({ org_id: orgId, number, body }: PlanRecordRead) {
    return { partition: this.#partition, orgId, number, body };
  }

  #rootKeys(): ReadonlyMap<string, KeyObject> {
    return this.#root === null ? new Map() : keysOf([this.#root]);
  }
}

function isJump({ number, offset }: PlanRecordRead, before: number): boolean {
  return number > Math.max(before, offset) + 1;
}

function jump(number: number, before: number): PlanVerdict {
  const detail = `number ${number} does not follow ${before}, the one in force`;
  return { kind: 'refused', reason: 'bad_signature', detail };
}

/** The key ring that a body says; throws PlanProblem. */
export function readKeyRing(body: string): KeyRing {
  const parsed = ringSchema.safeParse(parsePlanJson(body));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new PlanProblem(`key ring: ${issue.path.join('.') || 'it'} ${wishOf(issue)}`);
  }
  return parsed.data;
}

function ringOf(body: string) {
  const { number, keys } = readKeyRing(body);
  return { body, number, keys: keysOf(keys) };
}

function keysOf(texts: readonly string[]): ReadonlyMap<string, KeyObject> {
  return new Map(
    texts.flatMap((text) => {
      const key = readPublicKey(text);
      return key === null ? [] : [[planKeyId(text), key] as const];
    }),
  );
}
