import type { AppliedPlan, PlanLog } from '../control/plans/apply-plans.ts';
import { applyPlans } from '../control/plans/apply-plans.ts';
import type { PlanDraft } from '../control/plans/plan-files.ts';
import type { Decoder } from '../decoders/decoder.ts';
import { EventBatch } from '../model/event-batch.ts';
import { defaultPlanOrg } from '../model/ids.ts';
import type { RecordedLog } from '../sources/recorded-log.ts';
import type { EventEncoder } from '../sources/simulator/produce-records.ts';

export interface PlanLogPorts {
  readonly log: RecordedLog;
  readonly decoder: Decoder;
  readonly encoder: EventEncoder;
}

/** Appends the plans that differ from the newest ones in the log. Reads the whole log to know them. */
export async function applyDrafts(drafts: readonly PlanDraft[], ports: PlanLogPorts): Promise<AppliedPlan[]> {
  const newest = await readNewestPlans(ports);
  const planLog: PlanLog = {
    partitions: ports.log.partitions,
    newest: async (orgId, partition) => newest.get(planKey(orgId, partition)) ?? null,
    append: ({ orgId, partition, number, hash, body }) => {
      const value = ports.encoder.encode('org_plan', { org_id: orgId, number, hash, body });
      // The default plan goes into every lane, so it cannot have a key: a key names one partition.
      return ports.log.append(partition, orgId === defaultPlanOrg ? null : Buffer.from(orgId), value);
    },
  };
  return await applyPlans(drafts, planLog);
}

function planKey(orgId: string, partition: number): string {
  return `${partition}/${orgId}`;
}

async function readNewestPlans({ log, decoder }: PlanLogPorts): Promise<Map<string, { number: number; hash: string }>> {
  const newest = new Map<string, { number: number; hash: string }>();
  const batch = new EventBatch(1_024);
  for (let partition = 0; partition < log.partitions; partition++) {
    const { start, end } = await log.bounds(partition);
    if (start === end) continue;
    for await (const run of log.readBack(partition, start, end)) {
      for (let schema = decoder.decode(run, batch); schema >= 0; schema = decoder.decode(run, batch))
        await decoder.learn(schema);
      for (const detail of batch.details.values()) {
        if (detail.kind !== 'org_plan') continue;
        const key = planKey(detail.org_id, partition);
        if (detail.number > (newest.get(key)?.number ?? 0))
          newest.set(key, { number: detail.number, hash: detail.hash });
      }
    }
  }
  return newest;
}
