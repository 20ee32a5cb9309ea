import { instant, printDone, printRows, withAccounts } from './accounts-call.ts';
import { type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { usage } from './parse-call.ts';

export const apiKeysCommand: Command = {
  name: 'api-keys',
  summary: 'Make the keys with which programs call the API, list and revoke them.',
  examples: [
    'paceline api-keys add acme nightly-report --scope pacing.read --scope alerts.read --expires 90d',
    'paceline api-keys list acme --json',
    'paceline api-keys revoke acme 0b0e5c1a-6a55-4d0e-9b8e-6a3c6f0f2a11',
  ],
  doc: 'A key belongs to one organization and may do what its scopes say: pacing.read, alerts.read, records.read, records.write, sources.read, rules.read, rules.write, members.read, members.write, keys.read, keys.write, configurations.read, configurations.write, audit.read. add prints the key once; only its SHA-256 is kept. A program sends it as "Authorization: Bearer KEY". A revoked key opens nothing from the end of the command on. The keys that sign plans are another thing: "paceline keys".',
  flags: {
    config: configFlag,
    data: dataFlag,
    scope: { type: 'text', value: 'SCOPE', isRepeatable: true, doc: 'What the key may do; as often as needed.' },
    expires: { type: 'duration', doc: 'How long it holds, as 90d.', default: 'until it is revoked', min: 60_000 },
    json: jsonFlag,
  },
  words: { name: 'ACTION ORG [WORD]', doc: 'add ORG NAME, list ORG or revoke ORG ID.', min: 2, max: 3 },
  async run(call, terminal) {
    const [action, orgId, word] = call.words;
    if (!(action === 'list' && word === undefined) && !(word !== undefined && ['add', 'revoke'].includes(action)))
      throw usage(`"${call.words.join(' ')}" is not one of add ORG NAME, list ORG, revoke ORG ID`);
    return await withAccounts(call, async ({ access, by }) => {
      const { keys } = access.accounts;
      if (action === 'add') {
        const scopes = call.texts('scope');
        const expires = call.number('expires');
        const expiresMs = expires === undefined ? null : access.nowMs() + expires;
        const { key, made } = await access.issueKey(by, { orgId, name: word, scopes, expiresMs });
        const { id, prefix } = made;
        printDone(
          { key, id, prefix, org: orgId, name: word, scopes: made.scopes, expires_at: instant(expiresMs) },
          call,
          terminal,
        );
        if (!call.has('json')) terminal.note('the key is shown this once; only its SHA-256 is kept');
      } else if (action === 'revoke') {
        await keys.revoke(by, orgId, word);
        printDone({ revoked: 1, id: word, org: orgId }, call, terminal);
      } else {
        const rows = (await keys.list(orgId)).map((key) => ({
          ...{ id: key.id, name: key.name, prefix: key.prefix, scopes: key.scopes, created_by: key.createdBy },
          ...{ created_at: instant(key.createdMs), expires_at: instant(key.expiresMs) },
          ...{ revoked_at: instant(key.revokedMs), used_at: instant(key.usedMs) },
        }));
        const columns = ['name', 'prefix', 'scopes', 'expires_at', 'revoked_at', 'used_at', 'id'];
        printRows(rows, columns, call, terminal);
      }
      return 0;
    });
  },
};
