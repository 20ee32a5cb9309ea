import { EngineError } from '../../model/errors.ts';
import type { OidcVisitor } from './oidc.ts';
import type { OpenedSession, SignIn, Visit } from './sign-in.ts';
import type { Accounts } from './store/accounts.ts';
import type { User } from './store/people.ts';
import { readToken } from './tokens.ts';

/**
 * Lets in whom a provider vouches for: the user of that issuer and subject, whoever links the identity to an
 * account of theirs, or whoever brings an invitation. Never by an e-mail address, which a provider may give to
 * somebody else, or let its people choose.
 */
export async function enterByOidc(
  visitor: OidcVisitor,
  { accounts, signIn }: { accounts: Accounts; signIn: SignIn },
  visit: Visit,
): Promise<OpenedSession> {
  const { issuer, subject, intent } = visitor;
  const held = await accounts.people.findByIdentity(issuer, subject);
  if (intent.linkUserId !== null) {
    const by = { actor: `user:${intent.linkUserId}`, requestId: visit.requestId };
    await accounts.people.linkIdentity(by, intent.linkUserId, { issuer, subject });
    const user = await accounts.people.find(intent.linkUserId);
    if (user === null) throw unknownIdentity();
    return await signIn.open(user, 'oidc', visit);
  }
  if (intent.invitation === null) {
    if (held === null) throw unknownIdentity();
    return await signIn.open(held, 'oidc', visit);
  }
  const user = await takeInvitation(intent.invitation, held, visitor, { accounts, signIn }, visit);
  return await signIn.open(user, 'oidc', visit);
}

async function takeInvitation(
  token: string,
  held: User | null,
  { issuer, subject, name }: OidcVisitor,
  { accounts, signIn }: { accounts: Accounts; signIn: SignIn },
  visit: Visit,
): Promise<User> {
  const invitation = await signIn.findInvitation(token);
  const by = { actor: `invitation:${invitation.id}`, requestId: visit.requestId };
  const { email } = invitation;
  if (held === null && (await accounts.people.findByEmail(email)) !== null)
    throw new EngineError('EDIT_CONFLICT', `${email} has an account: log in to it, and link the provider there`);
  const user = held ?? (await accounts.people.add(by, { email, name: name?.trim().slice(0, 200) || email }));
  await accounts.people.linkIdentity(by, user.id, { issuer, subject });
  await accounts.invitations.accept(by, readToken('invitation', token)!, user.id);
  return user;
}

function unknownIdentity(): EngineError {
  return new EngineError('FORBIDDEN', 'nobody here has this identity; ask an admin for an invitation');
}
