import { randomBytes, randomUUID } from 'node:crypto';
import { openAccounts } from '../../../src/serving/access/store/accounts.ts';
import { SqliteAccountsDatabase } from '../../../src/serving/access/store/sqlite/sqlite-accounts-database.ts';
import { makeKey, makeToken, readToken } from '../../../src/serving/access/tokens.ts';
import type { AccessDesk } from '../../../src/serving/ports.ts';
import { by } from '../../exams/accounts-exam.ts';

export interface SmallDesk extends AccessDesk {
  /** Id of the one member that each organization has. */
  readonly memberOf: Readonly<Record<string, string>>;
  /** Letters of a call were taken so much earlier. */
  setBack(replayId: string, ms: number): Promise<unknown>;
}

/** Accounts in memory where each organization has one of everything, called `ORG-secret`. */
export async function makeSmallDesk(orgIds: readonly string[], nowMs: () => number): Promise<SmallDesk> {
  const database = new SqliteAccountsDatabase(':memory:', nowMs, { takesAnyOrganization: true });
  const accounts = openAccounts({ database, nowMs, newId: randomUUID, onTouched: async () => undefined });
  const memberOf: Record<string, string> = {};
  const desk: SmallDesk = {
    accounts,
    memberOf,
    setBack: (replayId, ms) =>
      database.write(by, (run) =>
        run('UPDATE paceline.replays SET created_at = created_at - $1 WHERE replay_id = $2', [ms, replayId]),
      ),
    async issueKey(who, { orgId, name, scopes, expiresMs }) {
      const { key, prefix, hash } = makeKey(randomBytes);
      const made = { orgId, name, prefix, hash, scopes: scopes as never, expiresMs };
      return { key, made: await accounts.keys.add(who, made) };
    },
    async invite(who, invited) {
      const token = makeToken('invitation', randomBytes);
      const made = { ...invited, tokenHash: readToken('invitation', token)!, expiresMs: nowMs() + 3_600_000 };
      return { token, invitation: await accounts.invitations.add(who, made) };
    },
  };
  for (const orgId of orgIds) {
    const email = `${orgId}-secret@${orgId}.example`;
    const { id } = await accounts.people.add(by, { email, name: `${orgId}-secret` });
    memberOf[orgId] = id;
    await accounts.people.setRole(by, orgId, id, 'viewer');
    await desk.invite(by, { orgId, email: `${orgId}-secret@guest.example`, role: 'viewer' });
    await desk.issueKey(by, { orgId, name: `${orgId}-secret`, scopes: ['pacing.read'], expiresMs: null });
    await accounts.configurations.write(by, { orgId, name: `${orgId}-secret`, text: '{}' }, 0);
  }
  return desk;
}
