import { randomBytes } from 'node:crypto';
import { EngineError } from '../model/errors.ts';
import { type AccountsCall, instant, printDone, printRows, withAccounts } from './accounts-call.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { usage } from './parse-call.ts';
import type { Terminal } from './terminal.ts';

type Action = (opened: AccountsCall, call: Call, terminal: Terminal) => Promise<Readonly<Record<string, unknown>>>;

/** Words after the action, and what it does. */
const actions: Readonly<Record<string, readonly [readonly string[], Action]>> = {
  add: [['EMAIL'], add],
  show: [['EMAIL'], show],
  password: [['EMAIL'], setPassword],
  role: [['EMAIL', 'ORG', 'ROLE'], setRole],
  operator: [['EMAIL', 'on|off'], setOperator],
  disable: [['EMAIL'], (opened, call) => setDisabled(opened, call, true)],
  enable: [['EMAIL'], (opened, call) => setDisabled(opened, call, false)],
  identity: [['EMAIL', 'ISSUER', 'SUBJECT'], addIdentity],
  invite: [['EMAIL', 'ORG', 'ROLE'], invite],
  'admin-link': [[], adminLink],
};
const usages = ['list', ...Object.entries(actions).map(([name, [words]]) => [name, ...words].join(' '))];

export const usersCommand: Command = {
  name: 'users',
  summary: 'Add people, give them roles, and take them back.',
  examples: [
    'paceline users add ann@acme.example --name "Ann Lee" --org acme --role admin',
    'paceline users list --json',
    'paceline users role ann@acme.example bolt viewer',
    'paceline users admin-link --data ./data',
  ],
  doc: 'Works on the accounts in PostgreSQL where postgres.url is set, else on those in the data directory, also while the engine runs; what it changes holds at once and is in the audit log. add prints a new password once, unless --password-stdin gives one. role takes viewer, editor, admin or none. operator lets a person into every organization. disable lets nobody in and keeps everything. identity names who a person is at the OpenID provider. invite prints a link that is taken up once. admin-link prints a link, good once and for an hour, by which the owner of the data directory enters as operator.',
  flags: {
    config: configFlag,
    data: dataFlag,
    name: { type: 'text', value: 'NAME', doc: 'Name of the person.', default: 'the part of the address before the @' },
    org: { type: 'text', value: 'ORG', doc: 'Organization to be a member of; with --role.' },
    role: { type: 'text', value: 'ROLE', doc: 'viewer, editor or admin.', default: 'viewer' },
    operator: { type: 'boolean', doc: 'Let the person into every organization.' },
    'password-stdin': { type: 'boolean', doc: 'Read the password from the standard input.' },
    'no-password': { type: 'boolean', doc: 'Give none: the person comes by OpenID.' },
    json: jsonFlag,
  },
  words: { name: 'ACTION [WORD...]', doc: usages.join(', '), min: 1, max: 4 },
  async run(call, terminal) {
    const [name, ...words] = call.words;
    if (name === 'list' && words.length === 0) return await list(call, terminal);
    const found = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (found === undefined || found[0].length !== words.length)
      throw usage(`"${call.words.join(' ')}" is not one of ${usages.join(', ')}`);
    return await withAccounts(call, async (opened) => {
      printDone(await found[1](opened, call, terminal), call, terminal);
      return 0;
    });
  },
};

async function list(call: Call, terminal: Terminal): Promise<number> {
  return await withAccounts(call, async ({ access }) => {
    const rows: Record<string, unknown>[] = [];
    for (let after = ''; ; ) {
      const page = await access.accounts.people.list({ after });
      if (page.length === 0) break;
      after = page.at(-1)!.email;
      for (const { id, email, name, isOperator, disabledMs } of page)
        rows.push({ email, name, operator: isOperator, disabled_at: instant(disabledMs), id });
    }
    printRows(rows, ['email', 'name', 'operator', 'disabled_at', 'id'], call, terminal);
    return 0;
  });
}

async function add({ access, by }: AccountsCall, call: Call): Promise<Record<string, unknown>> {
  const { people } = access.accounts;
  const email = call.words[1];
  const password = call.has('no-password') ? null : await choosePassword(call);
  const user = await people.add(by, { email, name: call.text('name') ?? email.split('@')[0] });
  if (password !== null) await people.setPassword(by, user.id, await access.passwords.choose(password.text, email));
  const org = call.text('org');
  const role = (call.text('role') ?? 'viewer') as 'viewer';
  if (org !== undefined) await people.setRole(by, org, user.id, role);
  if (call.has('operator')) await people.setOperator(by, user.id, true);
  return {
    ...{ id: user.id, email: user.email, name: user.name },
    ...(org === undefined ? {} : { org, role }),
    ...(call.has('operator') ? { operator: true } : {}),
    ...(password?.isOurs ? { password: password.text } : {}),
  };
}

async function show({ access }: AccountsCall, call: Call): Promise<Record<string, unknown>> {
  const user = await findUser(access, call.words[1]);
  const memberships = await access.accounts.people.membershipsOf(user.id);
  const sessions = await access.accounts.sessions.list({ userId: user.id });
  return {
    ...{ id: user.id, email: user.email, name: user.name, operator: user.isOperator },
    ...{ created_at: instant(user.createdMs), disabled_at: instant(user.disabledMs) },
    roles: memberships.map(({ orgId, role }) => `${orgId}:${role}`),
    sessions: sessions.length,
  };
}

async function setPassword({ access, by }: AccountsCall, call: Call): Promise<Record<string, unknown>> {
  const user = await findUser(access, call.words[1]);
  const password = await choosePassword(call);
  await access.accounts.people.setPassword(by, user.id, await access.passwords.choose(password.text, user.email));
  return { email: user.email, ...(password.isOurs ? { password: password.text } : {}), sessions: 'all ended' };
}

async function setRole({ access, by }: AccountsCall, call: Call): Promise<Record<string, unknown>> {
  const [, email, org, role] = call.words;
  const user = await findUser(access, email);
  if (role === 'none') await access.accounts.people.removeMember(by, org, user.id);
  else await access.accounts.people.setRole(by, org, user.id, role as 'viewer');
  return { email: user.email, org, role };
}

async function setOperator({ access, by }: AccountsCall, call: Call): Promise<Record<string, unknown>> {
  const [, email, state] = call.words;
  if (state !== 'on' && state !== 'off') throw usage('operator takes on or off');
  const user = await findUser(access, email);
  await access.accounts.people.setOperator(by, user.id, state === 'on');
  return { email: user.email, operator: state === 'on' };
}

async function setDisabled(
  { access, by }: AccountsCall,
  call: Call,
  isDisabled: boolean,
): Promise<Record<string, unknown>> {
  const user = await findUser(access, call.words[1]);
  await access.accounts.people.setDisabled(by, user.id, isDisabled);
  return { email: user.email, disabled: isDisabled };
}

async function addIdentity({ access, by }: AccountsCall, call: Call): Promise<Record<string, unknown>> {
  const [, email, issuer, subject] = call.words;
  const user = await findUser(access, email);
  await access.accounts.people.linkIdentity(by, user.id, { issuer, subject });
  return { email: user.email, issuer, subject };
}

async function invite({ access, by, config }: AccountsCall, call: Call): Promise<Record<string, unknown>> {
  const [, email, orgId, role] = call.words;
  const { token, invitation } = await access.signIn.invite(by, { email, orgId, role: role as 'viewer' });
  const { linkTo } = await import('../adapters/serving/links.ts');
  const link = linkTo(config, `/auth/invitation#${token}`);
  return { email: invitation.email, org: orgId, role, link, expires_at: instant(invitation.expiresMs) };
}

async function adminLink({ config, access }: AccountsCall): Promise<Record<string, unknown>> {
  const { ownersLink } = await import('../adapters/serving/first-start.ts');
  const { url, expiresMs } = ownersLink(config, access.nowMs());
  return { link: url, expires_at: instant(expiresMs) };
}

async function findUser(access: AccountsCall['access'], email: string) {
  const user = await access.accounts.people.findByEmail(email);
  if (user === null) throw new EngineError('NOT_FOUND', `there is no user ${email}`);
  return user;
}

/** Ours is shown once; one that is given is never repeated. */
async function choosePassword(call: Call): Promise<{ text: string; isOurs: boolean }> {
  if (!call.has('password-stdin')) return { text: randomBytes(18).toString('base64url'), isOurs: true };
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  return { text, isOurs: false };
}
