import { EngineError } from '../../model/errors.ts';
import { type CheckResult, failed, ok, warning } from '../../model/finding.ts';
import { logPlaceOf } from '../log/log-place.ts';
import type { Config } from '../settings.ts';
import { planSigning } from './plan-signing.ts';

/** What `doctor` says about who may write plans. */
export function checkPlanSigning(config: Config): CheckResult {
  const id = 'plans.signed';
  try {
    const { root, signer } = planSigning(config);
    if (root !== null) {
      const own = signer === null ? 'this process verifies alone' : `key ${signer.keyId} signs`;
      return ok(id, `begins with ${root}; ${own}`);
    }
    if (!logPlaceOf(config).isShared) return ok(id, 'unsigned; only this machine writes the log');
    return warning(
      id,
      'plans are not signed: whoever may write to the topic decides rules',
      'Make a key with "paceline keys make" and name it in plans.root_key and plans.key_file.',
    );
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return failed(id, error.message, error.next);
  }
}
