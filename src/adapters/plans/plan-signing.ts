import { type PlanSigning, readSigner } from '../../plans/plan-signer.ts';
import type { Config } from '../settings.ts';

/** How the configuration says that plans are signed. Throws CONFIG_INVALID for a key that cannot be used. */
export function planSigning({ plans }: Pick<Config, 'plans'>): PlanSigning {
  const { root_key: root, key_file: file } = plans;
  return { root, signer: file === null ? null : readSigner(file, 'plans.key_file') };
}
