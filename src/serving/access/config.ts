import * as z from 'zod';
import { filePath, httpUrl, optionalName, secretText, setting } from '../../model/setting.ts';

/** Who is let in, and how. */
export const accessSection = z
  .strictObject({
    public_url: setting(httpUrl().nullable().default(null), {
      doc: 'Address under which people reach the API, as https://pacing.example. With https, cookies are sent over TLS alone; OpenID needs it. Null: the address that it listens on.',
      reload: 'restart',
    }),
    passwords: setting(z.boolean().default(true), {
      doc: 'Whether people may log in with a password. False: by OpenID alone.',
      reload: 'restart',
    }),
    session_hours: setting(z.int().min(1).max(720).default(12), {
      doc: 'How long a session lasts, hours.',
      reload: 'restart',
    }),
    invitation_hours: setting(z.int().min(1).max(720).default(72), {
      doc: 'How long an invitation may be taken up, hours.',
      reload: 'restart',
    }),
    forget_after_days: setting(z.int().min(1).max(3_650).default(90), {
      doc: 'How long sessions, invitations and API keys that ended are kept, days; the audit log has them longer.',
      reload: 'restart',
    }),
    forget_replays_after_days: setting(z.int().min(100).max(36_500).default(1_100), {
      doc: 'How long it is known of a dead letter that it was sent again, days. From then on it could be sent once more, so this is longer than dead letters are kept.',
      reload: 'restart',
    }),
    remembered_ms: setting(z.int().min(1_000).max(300_000).default(10_000), {
      doc: 'How long the cache keeps what a session or key may, ms. A revocation holds at once all the same.',
      reload: 'restart',
    }),
    oidc_issuer: setting(httpUrl().nullable().default(null), {
      doc: 'OpenID provider that people may come by, as its issuer spells itself. Null: none.',
      reload: 'restart',
    }),
    oidc_client_id: setting(optionalName(), { doc: 'Our name there.', reload: 'restart' }),
    oidc_client_secret: setting(secretText(), {
      doc: 'Our secret there. Null: a public client, which PKCE protects.',
      reload: 'restart',
      secret: true,
    }),
    oidc_ca_file: setting(filePath(), {
      doc: 'PEM file of the authorities to trust for the provider. Null: those of Node.',
      reload: 'restart',
      path: true,
    }),
    oidc_name: setting(z.string().min(1).max(40).default('OpenID'), {
      doc: 'What the button says.',
      reload: 'restart',
    }),
  })
  .prefault({});

const burst = (count: number, doc: string) =>
  setting(z.int().min(1).max(1_000_000).default(count), { doc, reload: 'restart' });
const rate = (perSecond: number, doc: string) =>
  setting(z.number().min(0.001).max(1_000_000).default(perSecond), { doc, reload: 'restart' });

/** How often each may call: so many at once, and so many a second in the long run. */
export const allowancesSection = z
  .strictObject({
    organization_burst: burst(1_000, 'Calls that an organization may make at once, by their cost.'),
    organization_per_second: rate(200, 'What comes back to it, a second.'),
    actor_burst: burst(300, 'Calls that a person or a key may make at once.'),
    actor_per_second: rate(50, 'What comes back, a second.'),
    address_burst: burst(600, 'Calls that an address (of IPv6: its /64) may make at once.'),
    address_per_second: rate(100, 'What comes back, a second.'),
    login_burst: burst(10, 'Attempts to log in for one name, or from one address, at once.'),
    login_per_second: rate(0.1, 'What comes back, a second.'),
  })
  .prefault({});

/** Answers that are kept. */
export const answersSection = z
  .strictObject({
    memory_mb: setting(z.int().min(0).max(65_536).default(64), {
      doc: 'Memory of this process for answers, MiB. 0: none. What GraphQL, Connect and gRPC made of kept answers takes 16 MiB of each beside it.',
      reload: 'restart',
    }),
    answer_kb_max: setting(z.int().min(1).max(65_536).default(1_024), {
      doc: 'Larger answers are not kept, KiB.',
      reload: 'restart',
    }),
    ttl_s: setting(z.int().min(1).max(86_400).default(600), {
      doc: 'How long redis.cache_url keeps an answer, s. An answer never goes stale: its key names the version of the data.',
      reload: 'restart',
    }),
  })
  .prefault({});

export type AllowancesSettings = z.infer<typeof allowancesSection>;
