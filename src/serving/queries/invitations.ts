import * as z from 'zod';
import type { Invitation } from '../access/store/invitations.ts';
import { plainAnswer } from './answers.ts';
import { instant } from './columns.ts';
import { requireRole } from './granting.ts';
import { memberRole } from './members.ts';
import { operation } from './operation.ts';
import { writerOf } from './rules.ts';

const email = z.email().max(254);
const invitation = z
  .strictObject({
    invitation_id: z.uuid().describe('The invitation.'),
    email: z.string().describe('The address.'),
    role: memberRole.describe('The role.'),
    created_by: z.string().describe('Who invited, as the audit log names it.'),
    created_at: instant.describe('When it was made.'),
    expires_at: instant.describe('When it ends.'),
  })
  .meta({ title: 'Invitation' });
const invitationsMax = 501;

export const listInvitations = operation({
  doc: 'The invitations that nobody took up yet, oldest first.',
  input: z.strictObject({}),
  output: z.array(invitation).max(invitationsMax),
  scope: 'organization',
  permission: 'members.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ ports, tables }) {
    const found = await ports.access.accounts.invitations.list(tables.orgId, { count: invitationsMax });
    return plainAnswer(found.map(invitationJson));
  },
});

export const createInvitation = operation({
  doc: 'Invites somebody by their address; an earlier invitation of the same address ends. The token is told this once: send it to them as `/auth/invitation#TOKEN`.',
  input: z.strictObject({ email: email.describe('The address.'), role: memberRole.describe('The role.') }),
  output: invitation.extend({ token: z.string().describe('Told this once.') }).meta({ title: 'NewInvitation' }),
  scope: 'organization',
  permission: 'members.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run({ caller, ports, tables }, invited) {
    requireRole(caller, invited.role);
    const made = await ports.access.invite(writerOf(caller), { orgId: tables.orgId, ...invited });
    return plainAnswer({ ...invitationJson(made.invitation), token: made.token });
  },
});

export const deleteInvitation = operation({
  doc: 'Takes an invitation back.',
  input: z.strictObject({ invitation_id: z.uuid().describe('The invitation.') }),
  output: z.null(),
  scope: 'organization',
  permission: 'members.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run({ caller, ports, tables }, { invitation_id }) {
    await ports.access.accounts.invitations.revoke(writerOf(caller), tables.orgId, invitation_id);
    return plainAnswer(null);
  },
});

function invitationJson({ id, email: to, role, createdBy, createdMs, expiresMs }: Invitation) {
  return {
    ...{ invitation_id: id, email: to, role, created_by: createdBy },
    ...{ created_at: new Date(createdMs).toISOString(), expires_at: new Date(expiresMs).toISOString() },
  };
}
