import { assert, EngineError } from '../../model/errors.ts';
import { type CheckResult, type Finding, failed } from '../../model/finding.ts';

const gravity: Readonly<Record<Finding, number>> = { ok: 0, warning: 1, failed: 2 };

/** The same check of several servers as one: all that share the worst finding are named, with its fix. */
export function worstOf(results: readonly CheckResult[]): CheckResult {
  assert(results.length > 0, 'a check was made');
  const worst = results.reduce((a, b) => (gravity[b.status] > gravity[a.status] ? b : a));
  const alike = results.filter(({ status }) => status === worst.status);
  return { ...worst, detail: [...new Set(alike.map(({ detail }) => detail))].join('; ') };
}

/** Trouble with a server as a finding; throws what is a bug of ours. */
export function notReached(id: string, error: unknown): CheckResult {
  if (!(error instanceof EngineError)) throw error;
  return failed(id, error.message, error.next);
}
