export type Finding = 'ok' | 'warning' | 'failed';

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
  return { id, status: 'ok', detail, fix: null };
}

export function failed(id: string, detail: string, fix: string): CheckResult {
  return { id, status: 'failed', detail, fix };
}

export function warning(id: string, detail: string, fix: string): CheckResult {
  return { id, status: 'warning', detail, fix };
}
