import pg from 'pg';
import { EngineError } from '../../model/errors.ts';
import { troubleText } from '../../model/system-trouble.ts';
import { isTlsRefusal } from '../../model/tls-refusal.ts';

/**
 * SQLSTATE classes and codes that pass by themselves: connection, a standby that is not yet promoted,
 * transactions that the server ended, resources, limits, locks, the operator, disks, the server's own faults.
 */
const passing = /^(08|25006|25P0[34]|40|53|54|55|57|58|72|F0|XX)/;
/** Tables of ours that are not there, or not in this shape. */
const notMigrated = /^(42P01|3F000|42703|42883)/;
/** What somebody wrote does not hold: values, constraints, our own guards. */
const badValue = /^(22|23|PL|P0001)/;

const standbyHint = '; postgres.url must lead to the primary';

/** What the system says about a host, an address or a connection. */
const networkCode = /^(ECONN|EPIPE|EHOST|ENET|ETIMEDOUT|ENOTFOUND|EAI_|EADDRNOTAVAIL|ENOENT|EACCES|EMFILE|ENFILE)/;
/** What the driver says about a connection, in words alone. */
const driverWords =
  /^(Connection terminated|timeout e|Client has encountered a connection error|Client was closed|Query read timeout)/;

/**
 * Trouble with PostgreSQL as CONTROL_UNAVAILABLE (waiting helps) or CONTROL_REFUSED (a person must act),
 * with what we were doing. Whatever the server says is one of the two: its words come from outside, so
 * they are never a reason to end. Anything else is a bug of ours and comes back unchanged.
 */
export function asControlError(error: unknown, doing: string): unknown {
  if (!(error instanceof Error) || error instanceof EngineError) return error;
  const code = (error as { code?: unknown }).code;
  const say = (verdict: 'CONTROL_UNAVAILABLE' | 'CONTROL_REFUSED', hint = '') =>
    new EngineError(verdict, `${doing}: ${troubleText(error)}${hint}`, { cause: error });
  if (error instanceof pg.DatabaseError) {
    const state = String(code);
    if (passing.test(state)) return say('CONTROL_UNAVAILABLE', state === '25006' ? standbyHint : '');
    if (notMigrated.test(state)) return say('CONTROL_REFUSED', '; run "paceline migrate"');
    if (badValue.test(state)) return say('CONTROL_REFUSED', error.hint === undefined ? '' : `. ${error.hint}`);
    return say('CONTROL_REFUSED', code === undefined ? '' : ` (SQLSTATE ${state})`);
  }
  if (isTlsRefusal(error)) return say('CONTROL_REFUSED', '; check postgres.ca_file and the host name in postgres.url');
  if (/does not support SSL|establishing an SSL|password must be|SASL/i.test(error.message))
    return say('CONTROL_REFUSED');
  const first = error instanceof AggregateError ? (error.errors[0] as { code?: unknown }).code : code;
  const isNetwork = typeof first === 'string' && networkCode.test(first);
  return isNetwork || driverWords.test(error.message) ? say('CONTROL_UNAVAILABLE') : error;
}

/** True when a statement gave up waiting for a lock that somebody else holds. */
export function isLockTimeout(error: unknown): boolean {
  const cause = error instanceof EngineError ? error.cause : error;
  return cause instanceof pg.DatabaseError && cause.code === '55P03';
}
