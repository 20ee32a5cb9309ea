import type { EventBatch } from '../../../src/events/event-batch.ts';
import type { LaneProgramFactory } from '../../../src/runtime/lane-program.ts';
import { signers } from '../universe/plan-keys.ts';
import type { Mutant } from './mutant.ts';
import { wrap } from './wrap-program.ts';

type SaidPlan = Extract<Parameters<EventBatch['details']['set']>[1], { kind: 'org_plan' }>;

/** What a lane could get wrong about who may decide: a plan that it must refuse reaches it as a sound one. */
export const planMutants: readonly Mutant[] = [
  {
    name: 'unsigned_plan_taken',
    bug: 'a plan without a signature is taken although there is a key ring',
    program: (factory, { memory }) => forgiving(factory, memory, ({ signature }) => signature === ''),
  },
  {
    name: 'any_key_signs',
    bug: 'a signature is checked by the key that it names, ring or not',
    program: (factory, { memory }) =>
      forgiving(factory, memory, ({ signature }) => signature.startsWith(signers.stranger.keyId)),
  },
  {
    name: 'signature_covers_nothing',
    bug: 'a signature of the ring counts whatever stands beside it',
    program: (factory, { memory }) => forgiving(factory, memory, (plan, partition) => isMisplaced(plan, partition)),
  },
  {
    name: 'number_may_jump',
    bug: 'a number that does not follow is taken, and no later plan ever again',
    program: (factory, { memory }) =>
      forgiving(
        factory,
        memory,
        ({ number }) => number >= 4_000_000_000,
        (offset) => offset,
      ),
  },
  {
    name: 'retired_key_signs',
    bug: 'who has ever been in the ring may sign for ever',
    program: (factory, { memory }) => forgiving(factory, memory, (plan, partition) => isOfRoot(plan, partition)),
  },
];

function isMisplaced({ org_id: orgId, number, body, signature }: SaidPlan, partition: number): boolean {
  const said = { orgId, number, body, partition };
  return [signers.root, signers.next].some(
    (signer) => signature.startsWith(signer.keyId) && signature !== signer.sign(said),
  );
}

function isOfRoot({ org_id: orgId, number, body, signature }: SaidPlan, partition: number): boolean {
  return signature === signers.root.sign({ orgId, number, body, partition });
}

/** Plans that `isForgiven` come under the signature of whoever may sign, and with another number where `renumber` says so. */
function forgiving(
  factory: LaneProgramFactory,
  memory: Map<string, unknown>,
  isForgiven: (plan: SaidPlan, partition: number) => boolean,
  renumber?: (offset: number) => number,
): LaneProgramFactory {
  return (lane) => {
    const program = factory(lane);
    const { partition } = lane;
    return wrap(program, {
      apply(batch, run) {
        for (const [row, detail] of batch.details) {
          if (detail.kind !== 'org_plan') continue;
          if (detail.org_id === '_keys') noteRing(memory, partition, detail.number);
          else if (isForgiven(detail, partition)) {
            const number = renumber?.(batch.offsets[row]) ?? detail.number;
            const body = JSON.stringify({ ...JSON.parse(detail.body), number });
            const said = { orgId: detail.org_id, number, body, partition };
            const signature = trusted(memory, partition).sign(said);
            batch.details.set(row, { ...detail, number, body, signature });
          }
        }
        program.apply(batch, run);
      },
    });
  };
}

/** The third ring of a universe is that of the second key alone. */
function noteRing(memory: Map<string, unknown>, partition: number, number: number): void {
  if (number === 3) memory.set(`next ${partition}`, true);
}

function trusted(memory: Map<string, unknown>, partition: number) {
  return memory.has(`next ${partition}`) ? signers.next : signers.root;
}
