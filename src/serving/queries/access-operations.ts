import { listAudit } from './audit.ts';
import {
  deleteConfiguration,
  getConfiguration,
  listConfigurations,
  listConfigurationVersions,
  putConfiguration,
} from './configurations.ts';
import { createInvitation, deleteInvitation, listInvitations } from './invitations.ts';
import { createKey, deleteKey, listKeys } from './keys.ts';
import { deleteMember, getMember, listMembers, putMember } from './members.ts';
import type { Operation } from './operation.ts';
import { deleteOwnSession, listOwnSessions } from './own-sessions.ts';

/** Everything that can be asked or done about people, keys and what an organization keeps. */
export const accessOperations = {
  listMembers,
  getMember,
  putMember,
  deleteMember,
  listInvitations,
  createInvitation,
  deleteInvitation,
  listKeys,
  createKey,
  deleteKey,
  listConfigurations,
  getConfiguration,
  listConfigurationVersions,
  putConfiguration,
  deleteConfiguration,
  listAudit,
  listOwnSessions,
  deleteOwnSession,
} as const satisfies Readonly<Record<string, Operation>>;
