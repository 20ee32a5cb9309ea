import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import type { Access } from '../adapters/serving/open-access.ts';
import type { Config } from '../adapters/settings.ts';
import { systemClock } from '../control/system-clock.ts';
import type { Call } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { makeDirectory } from './make-directory.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

/** What a command works with that looks after accounts. */
export interface AccountsCall {
  readonly config: Config;
  readonly access: Access;
  /** Who the audit log names: the person at this machine. */
  readonly by: { readonly actor: string; readonly requestId: string };
}

/** Opens the accounts of the configuration, PostgreSQL's or the data directory's, and closes them after `work`. */
export async function withAccounts(call: Call, work: (opened: AccountsCall) => Promise<number>): Promise<number> {
  const { config } = loadCallConfig(call);
  if (config.postgres.url === null) makeDirectory(config.data_directory);
  const { openAccess } = await import('../adapters/serving/open-access.ts');
  const access = openAccess(config, { clock: systemClock, log: quietLogger(), metrics: null });
  try {
    const actor = `${userInfo().username} by paceline ${call.words[0]}`;
    return await work({ config, access, by: { actor, requestId: randomUUID() } });
  } finally {
    await access.close();
  }
}

export function printRows(
  rows: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
  call: Call,
  terminal: Terminal,
): void {
  if (call.has('json')) terminal.printJson(rows);
  else {
    const cells = rows.map((row) => columns.map((name) => row[name] ?? ''));
    for (const line of textTable(
      columns.map((name) => ({ name, type: 'String' })),
      cells,
    ))
      terminal.print(line);
  }
}

/** One thing that was done or made: JSON, or a line a field. */
export function printDone(done: Readonly<Record<string, unknown>>, call: Call, terminal: Terminal): void {
  if (call.has('json')) terminal.printJson(done);
  else
    for (const [name, value] of Object.entries(done))
      terminal.print(`${name.padEnd(12)} ${Array.isArray(value) ? value.join(' ') : String(value ?? '-')}`);
}

export function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
