import { EngineError } from '../model/errors.ts';
import { instant, printDone, printRows, withAccounts } from './accounts-call.ts';
import { type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { usage } from './parse-call.ts';

export const sessionsCommand: Command = {
  name: 'sessions',
  summary: 'See who is logged in, and end sessions.',
  examples: [
    'paceline sessions list',
    'paceline sessions revoke 0b0e5c1a-6a55-4d0e-9b8e-6a3c6f0f2a11',
    'paceline sessions revoke-all ann@acme.example --json',
  ],
  doc: 'list shows the newest 200 live sessions, of everyone or of one person. revoke ends one by its id, revoke-all all of a person. When the command ends, no process lets such a session in any more, and views that are open with it end.',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  words: { name: 'ACTION [WORD]', doc: 'list [EMAIL], revoke ID or revoke-all EMAIL.', min: 1, max: 2 },
  async run(call, terminal) {
    const [action, word] = call.words;
    if (action !== 'list' && (word === undefined || !['revoke', 'revoke-all'].includes(action)))
      throw usage(`"${call.words.join(' ')}" is not one of list [EMAIL], revoke ID, revoke-all EMAIL`);
    return await withAccounts(call, async ({ access, by }) => {
      const { sessions, people } = access.accounts;
      if (action === 'revoke') {
        await sessions.revoke(by, word);
        printDone({ revoked: 1, id: word }, call, terminal);
        return 0;
      }
      const user = word === undefined ? null : await people.findByEmail(word);
      if (word !== undefined && user === null) throw new EngineError('NOT_FOUND', `there is no user ${word}`);
      if (action === 'revoke-all') {
        printDone({ revoked: await sessions.revokeAllOf(by, user!.id), email: user!.email }, call, terminal);
        return 0;
      }
      const rows = (await sessions.list(user === null ? {} : { userId: user.id })).map((session) => ({
        ...{ id: session.id, email: session.email, method: session.method },
        ...{ created_at: instant(session.createdMs), expires_at: instant(session.expiresMs) },
      }));
      printRows(rows, ['id', 'email', 'method', 'created_at', 'expires_at'], call, terminal);
      return 0;
    });
  },
};
