import type { Detail, EventBatch } from '../events/event-batch.ts';
import type { RecordRun } from '../events/record-run.ts';
import { type LaneRecord, recordsOfRun, runOfRecords } from '../events/run-of-records.ts';
import { partitionOfKey } from '../model/hash.ts';
import { defaultPlanOrg, planKeysOrg } from '../model/ids.ts';
import { canonicalJson } from '../rules/compile-plan.ts';
import type { Plan, PlanDraft } from '../rules/plan.ts';
import { PlanGate } from '../rules/plan-gate.ts';

/**
 * Says which plans stand in place of one that comes into force: none, another, or several. Those of
 * organizations that belong to other lanes are passed over.
 */
export type ChoosePlans = (plan: Plan) => readonly PlanDraft[];

type OrgPlan = Detail & { kind: 'org_plan' };

/**
 * Puts chosen plans where those of a lane's log stand. Each keeps the place and time of the plan that it
 * replaces, so that every other record and every version stays as it was. What the log's own judge does not
 * let into force (a wrong signature, a number that was taken) has no place that could be taken: it moves the
 * clock and says nothing.
 */
export class ChosenPlans {
  readonly #lane: { readonly partition: number; readonly partitions: number };
  readonly #choose: ChoosePlans;
  readonly #gate: PlanGate;
  /** Numbers in force in the log, and in what is played. */
  readonly #numbers = new Map<string, number>();
  readonly #given = new Map<string, number>();
  /** Of rules in the plans that came into force, and in those that took their places. */
  readonly rules = new Set<string>();
  /** Plans of the log that others took the place of. */
  replaced = 0;

  constructor(
    lane: { readonly partition: number; readonly partitions: number; readonly planKey: string | null },
    choose: ChoosePlans,
  ) {
    this.#lane = lane;
    this.#choose = choose;
    this.#gate = new PlanGate({ partition: lane.partition, root: lane.planKey });
  }

  /** The run with the plans that are chosen, to be decoded anew; null when it has none. `batch` is the decoded run. */
  replace(run: RecordRun, batch: EventBatch): RecordRun | null {
    const rows = [...batch.details].filter((each): each is [number, OrgPlan] => each[1].kind === 'org_plan');
    if (rows.length === 0) return null;
    const records = recordsOfRun(run);
    const replaced = new Map(rows.map(([row, detail]) => [row, this.#chosen(records[row], detail, batch, row)]));
    const all = records.flatMap((record, row) => replaced.get(row) ?? [record]);
    return { ...runOfRecords(run.topic, run.partition, all), nextOffset: run.nextOffset };
  }

  #chosen(record: LaneRecord, detail: OrgPlan, batch: EventBatch, row: number): LaneRecord[] {
    const plan = isOfItsOrganization(batch, row, detail) ? this.#inForce(detail, record.offset) : null;
    const drafts = plan === null ? [] : this.#choose(plan).filter(({ org_id }) => this.#isOurs(org_id));
    const { offset, logTime } = record;
    if (plan !== null) this.replaced += 1;
    for (const { rules } of [...drafts, ...(plan === null ? [] : [plan])])
      for (const { id } of rules) this.rules.add(id);
    if (drafts.length === 0) return [{ offset, logTime, key: null, value: tick }];
    return drafts.map((draft) => {
      const number = Math.max(plan?.number ?? 0, (this.#given.get(draft.org_id) ?? 0) + 1);
      this.#given.set(draft.org_id, number);
      return planRecordAt(record, { ...draft, number });
    });
  }

  /** The plan of the record if the lane takes it. */
  #inForce(detail: OrgPlan, offset: number): Plan | null {
    const verdict = this.#gate.take(
      { ...detail, offset },
      { numberOf: (orgId) => this.#numbers.get(orgId), organizations: () => this.#numbers.keys() },
    );
    if (verdict.kind !== 'in_force') return null;
    const { plan } = verdict.compiled;
    this.#numbers.set(plan.org_id, plan.number);
    return plan;
  }

  #isOurs(orgId: string): boolean {
    if (orgId === defaultPlanOrg) return true;
    const bytes = Buffer.from(orgId);
    return partitionOfKey(bytes, 0, bytes.length, this.#lane.partitions) === this.#lane.partition;
  }
}

const tick = Buffer.from(JSON.stringify({ type: 'tick' }));

/** The record of a plan, unsigned, at a place of the log. */
export function planRecordAt(at: { readonly offset: number; readonly logTime: number }, plan: Plan): LaneRecord {
  const { org_id, number } = plan;
  const value = { type: 'org_plan', org_id, number, hash: '', body: canonicalJson(plan) };
  return {
    offset: at.offset,
    logTime: at.logTime,
    key: org_id === defaultPlanOrg ? null : Buffer.from(org_id),
    value: Buffer.from(JSON.stringify(value)),
  };
}

/** The key of the record says for whom it speaks. */
function isOfItsOrganization({ keyOrgs, dictionaries }: EventBatch, row: number, { org_id }: OrgPlan): boolean {
  if (org_id === defaultPlanOrg || org_id === planKeysOrg) return keyOrgs[row] === -1;
  return keyOrgs[row] >= 0 && dictionaries.orgs.text(keyOrgs[row]) === org_id;
}
