import { randomBytes } from 'node:crypto';
import type { Metrics } from '../../control/metrics/metrics.ts';
import { EngineError } from '../../model/errors.ts';
import type { Oidc } from '../../serving/access/oidc.ts';
import { oidcTripMs } from '../../serving/access/oidc-trip.ts';
import { LocalOnce, SharedOnce } from '../../serving/access/once.ts';
import { SealedText } from '../../serving/access/sealed-text.ts';
import type { OpenedSession, Visit } from '../../serving/access/sign-in.ts';
import { AuthDoor } from '../../serving/auth/auth-door.ts';
import { readAuthPages } from '../../serving/auth/auth-pages.ts';
import { readPem } from '../servers/pem.ts';
import type { Config } from '../settings.ts';
import { takeAdminLink } from './admin-link.ts';
import { linkTo } from './links.ts';
import type { Access } from './open-access.ts';
import { trustingFetch } from './trusting-fetch.ts';

/** The user that the owner of a data directory enters as. */
const ownerEmail = 'owner@localhost';

/** The door of logins, over what `openAccess` opened. Throws CONFIG_INVALID for a provider that lacks something. */
export async function openAuthDoor(config: Config, access: Access, metrics: Metrics): Promise<AuthDoor> {
  const { access: settings } = config.serving;
  const { accounts, signIn, authenticator, limiter, nowMs } = access;
  const trips = await openOidc(config, access);
  return new AuthDoor({
    ...{ accounts, signIn, authenticator, limiter, nowMs, pages: readAuthPages(), passwords: settings.passwords },
    oidc: trips === null ? null : { name: settings.oidc_name, trips },
    takeAdminLink: (token, visit) => enterAsOwner(config, access, token, visit),
    isSecure: settings.public_url?.startsWith('https:') ?? false,
    onLogin: (result) => metrics.add('paceline_logins_total', { result }),
  });
}

async function openOidc(config: Config, { server, nowMs }: Access): Promise<Oidc | null> {
  const { oidc_issuer, oidc_client_id, oidc_client_secret, oidc_ca_file, public_url } = config.serving.access;
  if (oidc_issuer === null) return null;
  if (oidc_client_id === null || public_url === null)
    throw new EngineError(
      'CONFIG_INVALID',
      'serving.access.oidc_issuer needs oidc_client_id, and public_url, which the provider sends people back to',
    );
  const { Oidc } = await import('../../serving/access/oidc.ts');
  const key = config.serving.cursor_key === null ? randomBytes(32) : Buffer.from(config.serving.cursor_key);
  return new Oidc({
    ...{ issuer: oidc_issuer, clientId: oidc_client_id, clientSecret: oidc_client_secret, nowMs },
    redirectUrl: () => linkTo(config, '/auth/oidc/callback'),
    fetch: oidc_ca_file === null ? null : trustingFetch(readPem(oidc_ca_file, 'serving.access.oidc_ca_file')),
    sealed: new SealedText(key, 'oidc', randomBytes),
    once: server === null ? new LocalOnce(oidcTripMs, nowMs) : new SharedOnce(server, oidcTripMs, nowMs),
  });
}

/** Null for a link that opens nothing. Its user is an operator from the first time on. */
async function enterAsOwner(
  config: Pick<Config, 'data_directory'>,
  { accounts, signIn, nowMs }: Access,
  token: string,
  visit: Visit,
): Promise<OpenedSession | null> {
  if (!takeAdminLink(config.data_directory, token, nowMs())) return null;
  const by = { actor: 'admin link of the data directory', requestId: visit.requestId };
  const held = await accounts.people.findByEmail(ownerEmail);
  const owner = held ?? (await accounts.people.add(by, { email: ownerEmail, name: 'Owner' }));
  await accounts.people.setOperator(by, owner.id, true);
  return await signIn.open({ ...owner, isOperator: true }, 'link', visit);
}
