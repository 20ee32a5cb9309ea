import { assert, EngineError } from './errors.ts';
import { redact } from './redact.ts';

type Finding = 'ok' | 'warning' | 'failed';

/** What `doctor` found out about one thing. */
export interface CheckResult {
  /** Stable; scripts may rely on it. docs/doctor.md has a section of this name. */
  readonly id: string;
  readonly status: Finding;
  readonly detail: string;
  /** What to do; null when nothing. */
  readonly fix: string | null;
}

export function ok(id: string, detail: string): CheckResult {
  return { id, status: 'ok', detail: redact(detail), fix: null };
}

export function failed(id: string, detail: string, fix: string): CheckResult {
  return { id, status: 'failed', detail: redact(detail), fix: redact(fix) };
}

export function warning(id: string, detail: string, fix: string): CheckResult {
  return { id, status: 'warning', detail: redact(detail), fix: redact(fix) };
}

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
