import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import type { Member } from '../access/store/people.ts';
import { permissions } from '../caller.ts';
import { plainAnswer } from './answers.ts';
import { instant } from './columns.ts';
import { paging } from './fields.ts';
import { requireAll, requireRole } from './granting.ts';
import { type OperationContext, operation } from './operation.ts';
import { pageOf, positionOf } from './pages.ts';
import { writerOf } from './rules.ts';

const userId = z.uuid().describe('The user.');
export const memberRole = z.enum(['viewer', 'editor', 'admin']).meta({ title: 'Role' });
const more = z
  .array(z.enum(permissions).exclude(['engine.read']))
  .max(permissions.length)
  .describe('What the member may do beyond the role.');

const member = z
  .strictObject({
    user_id: userId,
    email: z.string().describe('The address.'),
    name: z.string().describe('The name.'),
    role: memberRole.describe('The role.'),
    permissions: more,
    since: instant.describe('When the role was given.'),
    disabled: z.boolean().describe('True: the user is let in nowhere.'),
  })
  .meta({ title: 'Member' });

export const listMembers = operation({
  doc: 'The people of the organization, by their addresses.',
  input: z.strictObject({ ...paging }),
  output: z.array(member).max(500),
  scope: 'organization',
  permission: 'members.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run(context, { limit, cursor }) {
    const list = { name: 'members', args: [], width: 1 };
    const position = positionOf(context, list, cursor);
    const after = position === null ? {} : { after: String(position[0]) };
    const { people } = context.ports.access.accounts;
    const found = await people.membersOf(context.tables.orgId, { ...after, count: limit + 1 });
    const { shown, nextCursor } = pageOf(context, list, found, { limit, keyOf: ({ email }) => [email] });
    return { ...plainAnswer(shown.map(memberJson)), nextCursor };
  },
});

export const getMember = operation({
  doc: 'One of the people of the organization.',
  input: z.strictObject({ user_id: userId }),
  output: member,
  scope: 'organization',
  permission: 'members.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ ports, tables }, { user_id }) {
    return plainAnswer(memberJson(await ports.access.accounts.people.findMember(tables.orgId, user_id)));
  },
});

export const putMember = operation({
  doc: 'Changes the role and the further permissions of a member; new members come by invitation. Holds at once, also for sessions that are open. Nobody gives or takes what they may not do themselves, or changes their own.',
  input: z.strictObject({ user_id: userId, role: memberRole.describe('The role.'), permissions: more.default([]) }),
  output: member,
  scope: 'organization',
  permission: 'members.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run(context, { user_id, role, permissions: wanted }) {
    const { caller, ports, tables } = context;
    const { people } = ports.access.accounts;
    await requireBelow(context, user_id);
    requireRole(caller, role);
    requireAll(caller, wanted);
    const by = writerOf(caller);
    await people.setRole(by, tables.orgId, user_id, role);
    await people.setPermissions(by, tables.orgId, user_id, wanted);
    return plainAnswer(memberJson(await people.findMember(tables.orgId, user_id)));
  },
});

export const deleteMember = operation({
  doc: 'Takes somebody out of the organization, at once.',
  input: z.strictObject({ user_id: userId }),
  output: z.null(),
  scope: 'organization',
  permission: 'members.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run(context, { user_id }) {
    const { caller, ports, tables } = context;
    await requireBelow(context, user_id);
    await ports.access.accounts.people.removeMember(writerOf(caller), tables.orgId, user_id);
    return plainAnswer(null);
  },
});

/** Throws NOT_FOUND for who is no member here, FORBIDDEN for who may more than the caller, or is the caller. */
async function requireBelow({ caller, ports, tables }: OperationContext, memberId: string): Promise<void> {
  const held = await ports.access.accounts.people.findMember(tables.orgId, memberId);
  if (caller.actor.id === memberId)
    throw new EngineError('FORBIDDEN', 'nobody changes their own role; another admin does');
  requireRole(caller, held.role);
  requireAll(caller, held.permissions);
}

function memberJson({ userId: user_id, email, name, role, permissions: own, sinceMs, disabledMs }: Member) {
  const since = new Date(sinceMs).toISOString();
  return { user_id, email, name, role, permissions: [...own], since, disabled: disabledMs !== null } as z.output<
    typeof member
  >;
}
