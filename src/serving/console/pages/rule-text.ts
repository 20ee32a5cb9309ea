export interface Rule {
  readonly rule_id: string;
  readonly text: string;
  readonly is_own: boolean;
  readonly kept_in: 'files' | 'database';
  readonly version: string;
}

/** What stands behind a word at the beginning of a line: rules are written so, and need no more to be listed. */
export function memberOf(text: string, name: string): string {
  const found = new RegExp(`^${name}:\\s*(.+)$`, 'm').exec(text)?.[1] ?? '';
  return found.replace(/^(['"])(.*)\1$/, '$2');
}
