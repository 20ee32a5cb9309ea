import { EngineError } from '../../model/errors.ts';
import { partitionOfKey } from '../../model/hash.ts';
import { defaultPlanOrg } from '../../model/ids.ts';
import { nearest } from '../../model/nearest.ts';
import { type PlanChange, planChanges } from '../../plans/plan-changes.ts';
import { Database } from '../../plans/postgres/database.ts';
import { type Edit, readEdits } from '../../plans/postgres/read-edits.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import { logPlaceOf } from '../log/log-place.ts';
import type { VisitContext } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { ScannedPlanLog, type TakenPlan } from './plan-log.ts';

/** A plan that was in force for an organization, and how it came to be. */
export interface PastPlan {
  readonly number: number;
  readonly partition: number;
  readonly offset: number;
  /** Append time, ms. */
  readonly logTimeMs: number;
  /** Id of the key that signed it; null = it is not signed. */
  readonly keyId: string | null;
  /** Who edited the rows that it was made of; empty where rules are in files, which say nothing of it. */
  readonly by: readonly string[];
  /** From the plan before it. */
  readonly changes: readonly PlanChange[];
  readonly draft: PlanDraft;
}

export interface PlanHistory {
  /** Whose plans these are: the organization's own, or everyone's. */
  readonly orgId: string;
  /** The oldest that the log still holds comes first. */
  readonly plans: readonly PastPlan[];
}

/** Plans of an organization as its lane took them, read from the log beside whoever writes it. Throws USAGE for a name that never had one. */
export async function readPlanHistory(config: Config, orgId: string, context: VisitContext): Promise<PlanHistory> {
  const taken = await readTaken(config, orgId, context);
  const own = taken.filter((each) => each.orgId === orgId);
  const shown = own.length > 0 ? own : taken.filter((each) => each.orgId === defaultPlanOrg);
  if (shown.length === 0) throw noPlan(orgId, taken);
  const edits = config.postgres.url === null ? [] : await editsOf(config, shown[0].orgId);
  const plans = shown.map(({ plan, number, partition, offset, logTimeMs, keyId }, at): PastPlan => {
    const before = at === 0 ? null : draftOf(shown[at - 1]);
    const { number: _, ...draft } = plan;
    const since = at === 0 ? Number.NEGATIVE_INFINITY : shown[at - 1].logTimeMs;
    const editors = edits.filter(({ atMs }) => atMs > since && atMs <= logTimeMs).map(({ actor }) => actor);
    return {
      ...{ number, partition, offset, logTimeMs, keyId, draft, by: [...new Set(editors)] },
      changes: planChanges(before, draft),
    };
  });
  return { orgId: shown[0].orgId, plans };
}

function draftOf({ plan }: TakenPlan): PlanDraft {
  const { number: _, ...draft } = plan;
  return draft;
}

async function readTaken(config: Config, orgId: string, context: VisitContext): Promise<TakenPlan[]> {
  const { source, codec, assignment: _, close } = await logPlaceOf(config).openForReading(context);
  try {
    const { partitions } = await source.identity();
    const taken: TakenPlan[] = [];
    const log = new ScannedPlanLog(source, {
      ...{ partitions, codec, signing: { root: config.plans.root_key, signer: null } },
      onTaken: (each) => taken.push(each),
    });
    // Everyone's plan lies in every partition, in each with a number of its own.
    const bytes = Buffer.from(orgId);
    await log.newest(orgId, orgId === defaultPlanOrg ? 0 : partitionOfKey(bytes, 0, bytes.length, partitions));
    return taken;
  } finally {
    await close();
  }
}

async function editsOf({ postgres }: Pick<Config, 'postgres'>, orgId: string): Promise<readonly Edit[]> {
  const database = new Database(postgres);
  try {
    return await readEdits(database, [orgId, defaultPlanOrg]);
  } finally {
    await database.close();
  }
}

function noPlan(orgId: string, taken: readonly TakenPlan[]): EngineError {
  const near = nearest(orgId, new Set(taken.map((each) => each.orgId)));
  const hint = near === undefined ? 'run "paceline apply" first' : `did you mean ${near}?`;
  return new EngineError('USAGE', `the log holds no plan for ${orgId}, nor one for everyone; ${hint}`);
}
