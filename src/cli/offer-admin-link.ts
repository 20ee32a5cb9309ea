import type { Config } from '../adapters/settings.ts';
import { systemClock } from '../control/system-clock.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';

/**
 * Tells how to enter an API that nobody can enter yet: a link to whoever sits at the terminal, and to logs the
 * command that makes one, because others read those.
 */
export async function offerAdminLink(
  config: Config,
  api: string | null | undefined,
  terminal: Terminal,
): Promise<void> {
  if (api == null) return;
  const { isWithoutPeople, ownersLink } = await import('../adapters/serving/first-start.ts');
  if (!(await isWithoutPeople(config, { clock: systemClock, log: quietLogger() }))) return;
  if (terminal.canAnimate)
    terminal.print(`enter (once, within an hour): ${ownersLink(config, systemClock.wallMs()).url}`);
  else
    terminal.note(
      `nobody can enter ${api} yet: "paceline users admin-link --data ${config.data_directory}" prints a link`,
    );
}
