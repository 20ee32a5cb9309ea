import * as z from 'zod';
import { plainAnswer } from './answers.ts';
import { instant } from './columns.ts';
import { personOf } from './granting.ts';
import { operation } from './operation.ts';
import { writerOf } from './rules.ts';

const session = z
  .strictObject({
    session_id: z.uuid().describe('The session.'),
    method: z.enum(['password', 'oidc', 'link', 'invitation']).describe('How it was opened.'),
    created_at: instant.describe('When it was made.'),
    expires_at: instant.describe('When it ends.'),
  })
  .meta({ title: 'Session' });
const sessionsMax = 100;

export const listOwnSessions = operation({
  doc: 'The sessions of the caller, newest first.',
  input: z.strictObject({}),
  output: z.array(session).max(sessionsMax),
  scope: 'account',
  permission: null,
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ caller, ports }) {
    const found = await ports.access.accounts.sessions.list({ userId: personOf(caller), count: sessionsMax });
    return plainAnswer(
      found.map(({ id, method, createdMs, expiresMs }) => ({
        ...{ session_id: id, method },
        ...{ created_at: new Date(createdMs).toISOString(), expires_at: new Date(expiresMs).toISOString() },
      })),
    );
  },
});

export const deleteOwnSession = operation({
  doc: 'Ends one of the sessions of the caller, at once.',
  input: z.strictObject({ session_id: z.uuid().describe('The session.') }),
  output: z.null(),
  scope: 'account',
  permission: null,
  isWrite: true,
  isOfTables: false,
  cost: 1,
  async run({ caller, ports }, { session_id }) {
    await ports.access.accounts.sessions.revoke(writerOf(caller), session_id, personOf(caller));
    return plainAnswer(null);
  },
});
