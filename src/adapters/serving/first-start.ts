import { randomBytes } from 'node:crypto';
import type { Logger } from '../../control/logs/logger.ts';
import type { Clock } from '../../model/time.ts';
import type { Config } from '../settings.ts';
import { makeAdminLink } from './admin-link.ts';
import { linkTo } from './links.ts';
import { openAccess } from './open-access.ts';

interface FirstStartContext {
  readonly clock: Clock;
  readonly log: Logger;
}

/** Whether nobody can enter the API of this data directory yet; never so where PostgreSQL has the accounts. */
export async function isWithoutPeople(config: Config, context: FirstStartContext): Promise<boolean> {
  if (config.postgres.url !== null) return false;
  const access = openAccess(config, { ...context, metrics: null });
  try {
    return !(await access.accounts.people.hasAny());
  } finally {
    await access.close();
  }
}

/** A link by which the owner of the data directory enters as operator: good once, for an hour. */
export function ownersLink(config: Config, nowMs: number): { readonly url: string; readonly expiresMs: number } {
  const { token, expiresMs } = makeAdminLink(config.data_directory, randomBytes, nowMs);
  return { url: linkTo(config, `/auth/link?token=${token}`), expiresMs };
}
