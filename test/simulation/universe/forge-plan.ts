import { canonicalJson } from '../../../src/rules/compile-plan.ts';
import type { Plan } from '../../../src/rules/plan.ts';
import type { SimulatedLog } from '../simulated-log.ts';
import type { Forgery } from './faults.ts';
import { planValue, signers } from './plan-keys.ts';
import type { UniverseRun } from './run-universe.ts';
import { signerAt } from './traffic.ts';

interface HeldPlan {
  readonly number: number;
  readonly signature: string;
  readonly body: Plan;
}

/** A plan arrives that would change every answer, and that no lane may take. */
export function forgePlan({ servers: { log }, universe, elapsedMs }: UniverseRun, lane: number, how: Forgery): void {
  const held = plansOf(log, lane);
  const newest = held.findLast(({ body }) => body.org_id === '_default');
  // Log and topic may have been made anew since.
  if (newest === undefined) return;
  const orgId =
    how === 'other_org' ? (held.find(({ body }) => body.org_id !== '_default')?.body.org_id ?? 'x') : '_default';
  const number = how === 'jump' ? 4_000_000_000 : newest.number + 1;
  const { defaults } = newest.body;
  const body = canonicalJson({
    ...newest.body,
    org_id: orgId,
    number,
    defaults: { ...defaults, zone: 'Pacific/Chatham', evaluate_every_ms: 7 * 60_000 },
  });
  const plan = { orgId, number, body, partition: how === 'other_lane' ? lane + 1 : lane };
  const part = elapsedMs / universe.stormMs;
  const signature = {
    unsigned: () => '',
    stranger: () => signers.stranger.sign(plan),
    copied: () => newest.signature,
    other_org: () => newest.signature,
    other_lane: () => signerAt(part).sign(plan),
    // Where the key may sign by now, a stranger speaks.
    too_early: () => (part < 0.35 ? signers.next : signers.stranger).sign(plan),
    retired: () => (part > 0.85 ? signers.root : signers.stranger).sign(plan),
    jump: () => signerAt(part).sign(plan),
  }[how]();
  const key = orgId === '_default' ? null : Buffer.from(orgId);
  log.append(lane, { key, value: planValue(plan, signature) });
}

function plansOf(log: SimulatedLog, lane: number): HeldPlan[] {
  return log.read(lane, 0, Number.POSITIVE_INFINITY).flatMap(({ value }) => {
    const text = Buffer.from(value ?? '').toString();
    if (!text.startsWith('{"type":"org_plan"') || text.includes('"org_id":"_keys"')) return [];
    const { number, signature, body } = JSON.parse(text) as { number: number; signature: string; body: string };
    return [{ number, signature, body: JSON.parse(body) as Plan }];
  });
}
