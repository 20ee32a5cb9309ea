import { EngineError } from '../../model/errors.ts';
import { changeKeyRing } from '../../plans/key-ring.ts';
import { readSigner } from '../../plans/plan-signer.ts';
import { changeKeysByLedger } from '../../plans/postgres/apply-edits.ts';
import { Database } from '../../plans/postgres/database.ts';
import { planKeyId } from '../../rules/plan-signature.ts';
import { streamName, visitLog } from '../log/visit-log.ts';
import type { VisitContext } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { planSigning } from './plan-signing.ts';

/** A public key as people see it. */
export interface ShownKey {
  readonly id: string;
  readonly public_key: string;
}

/** Who may sign plans in one lane. */
export interface LaneKeys {
  readonly partition: number;
  /** 0 = the lane has no key ring. */
  readonly number: number;
  readonly keys: readonly ShownKey[];
}

export interface PlanKeys {
  /** Null = the stream takes unsigned plans. */
  readonly root: ShownKey | null;
  /** Null = this process verifies plans and writes none. */
  readonly own: ShownKey | null;
  readonly lanes: readonly LaneKeys[];
}

/** The key rings as the log says them; it must be readable, and in a data directory no engine may run. */
export async function readPlanKeys(config: Config, context: VisitContext): Promise<PlanKeys> {
  const { root, signer } = planSigning(config);
  const own = signer === null ? null : showKey(signer.publicKey);
  if (root === null) return { root, own, lanes: [] };
  const lanes = await visitLog(config, context, async ({ plans }) => {
    const found: LaneKeys[] = [];
    for (let partition = 0; partition < plans.partitions; partition++) {
      const { number = 0, keys = [] } = (await plans.keyRing(partition)) ?? {};
      found.push({ partition, number, keys: keys.map(showKey) });
    }
    return found;
  });
  return { root: showKey(root), own, lanes };
}

export interface ChangedLane extends LaneKeys {
  /** Offset of the record of the change; null = the lane was so before. */
  readonly offset: number | null;
}

/** Lets the key of a private key file sign too. Throws CONFIG_INVALID for a file that holds none. */
export async function addPlanKey(config: Config, context: VisitContext, file: string): Promise<ChangedLane[]> {
  const { publicKey } = readSigner(file, 'FILE');
  return await changeKeys(config, context, (keys) => (keys.includes(publicKey) ? keys : [...keys, publicKey]));
}

/** Takes a key out of every lane's ring. Throws USAGE for the key that signs the change, and for one that no lane has. */
export async function retirePlanKey(config: Config, context: VisitContext, id: string): Promise<ChangedLane[]> {
  if (planSigning(config).signer?.keyId === id)
    throw new EngineError(
      'USAGE',
      `${id} is the key of plans.key_file, which signs this change: name another key there first`,
    );
  let isKnown = false;
  const changed = await changeKeys(config, context, (keys) => {
    isKnown ||= keys.some((key) => planKeyId(key) === id);
    return keys.filter((key) => planKeyId(key) !== id);
  });
  if (!isKnown) throw new EngineError('USAGE', `no lane has a key ${id}; "paceline keys show" lists them`);
  return changed;
}

/** Signed by plans.key_file; by way of the ledger where postgres.url names one, so that engines know of it. */
async function changeKeys(
  config: Config,
  context: VisitContext,
  change: (keys: readonly string[]) => readonly string[],
): Promise<ChangedLane[]> {
  const { root, signer } = planSigning(config);
  if (root === null || signer === null)
    throw new EngineError('CONFIG_INVALID', 'set plans.root_key and plans.key_file: an old key signs the new one');
  return await visitLog(config, context, async ({ identity, topic, plans: log }) => {
    const write = async () => {
      if (config.postgres.url === null) return await changeKeyRing(log, change);
      const database = new Database(config.postgres);
      try {
        return await changeKeysByLedger(database, { stream: streamName(identity), topic, log }, change);
      } finally {
        await database.close();
      }
    };
    const changed = await write();
    if (changed === null)
      throw new EngineError('CONTROL_UNAVAILABLE', 'an engine writes plans at this very moment; say it again');
    return changed.map(({ partition, number, offset, keys }) => ({
      partition,
      number,
      offset,
      keys: keys.map(showKey),
    }));
  });
}

function showKey(publicKey: string): ShownKey {
  return { id: planKeyId(publicKey), public_key: publicKey };
}
