import { defaultPlanOrg, systemOrg } from '../../../model/ids.ts';
import { type CompiledPlan, PlanProblem, readPlan } from '../../../rules/compile-plan.ts';
import type { Past, PastRecord, Place } from '../../ports.ts';

/** A plan as its record, or as people have it written now, says it. */
export interface KnownPlan {
  readonly compiled: CompiledPlan;
  /** Null = it is what is written now. */
  readonly record: PastRecord | null;
}

const plansMax = 2_000;

/**
 * Plans of an organization and everyone's in its partition, the oldest first. Which of them a lane took follows from
 * their numbers alone: a lower or equal one was dropped.
 */
export async function plansOf(past: Past, orgId: string, partition: number): Promise<readonly PastRecord[]> {
  const orgIds = [orgId, systemOrg];
  const records = await past.records({ orgIds, partition, kinds: ['org_plan'], limit: plansMax });
  return records.filter(({ fields }) => fields?.org_id === orgId || fields?.org_id === defaultPlanOrg);
}

/** The plan in force at a place: the organization's own newest one, else everyone's. Null where none was recorded. */
export function planAt(
  records: readonly PastRecord[],
  orgId: string,
  { offset }: Pick<Place, 'offset'>,
): KnownPlan | null {
  for (const owner of [orgId, defaultPlanOrg]) {
    const taken = takenOf(records.filter((each) => each.fields?.org_id === owner && each.offset <= offset));
    if (taken !== null) return taken;
  }
  return null;
}

/** Where plans are not recorded: the one that is written now, which may prove itself by the hash of a rule. */
export async function planNow(past: Past, orgId: string): Promise<KnownPlan | null> {
  const body = await past.planNow(orgId);
  const compiled = body === null ? null : compiledOf(body);
  return compiled === null ? null : { compiled, record: null };
}

/** As a lane takes them: a plan with a number that is no higher is dropped, and so is what is no plan. */
function takenOf(records: readonly PastRecord[]): KnownPlan | null {
  let taken: KnownPlan | null = null;
  for (const record of records) {
    const compiled = compiledOf(String(record.fields?.body ?? ''));
    if (compiled === null || compiled.plan.number !== record.fields?.number) continue;
    if (compiled.plan.org_id !== record.fields.org_id) continue;
    if (taken === null || compiled.plan.number > taken.compiled.plan.number) taken = { compiled, record };
  }
  return taken;
}

function compiledOf(body: string): CompiledPlan | null {
  try {
    return readPlan(body);
  } catch (error) {
    // Anybody who may write to the log may write this: the lane made a dead letter of it.
    if (error instanceof PlanProblem) return null;
    throw error;
  }
}
