import { expect, test } from 'vitest';
import { type Command, jsonFlag } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { commandReference } from '../../src/cli/help.ts';
import { parseDuration } from '../../src/cli/parse-call.ts';
import { makeHelpCommand, runCommandLine } from '../../src/cli/run-command-line.ts';
import { EngineError } from '../../src/model/errors.ts';
import { fakeTerminal } from './terminal-double.ts';

const probe: Command = {
  name: 'probe',
  summary: 'Test.',
  examples: ['paceline probe x --count 3'],
  doc: 'A command for tests.',
  flags: {
    json: jsonFlag,
    count: { type: 'integer', doc: 'How many.', min: 1, max: 9 },
    for: { type: 'duration', doc: 'How long.' },
    file: { type: 'text', doc: 'Which.', isRepeatable: true },
  },
  words: { name: 'WORD', doc: 'any word.', min: 1, max: 1 },
  async run(call, terminal) {
    if (call.words[0] === 'bug') throw new TypeError('x is not a function');
    if (call.words[0] === 'world')
      throw new EngineError('PORT_TAKEN', 'port 1 is held', { cause: new Error('EADDRINUSE') });
    terminal.printJson({
      words: call.words,
      count: call.number('count'),
      for: call.number('for'),
      file: call.texts('file'),
    });
    return 0;
  },
};

async function run(...args: string[]) {
  const { terminal, texts } = fakeTerminal();
  const table: Command[] = [probe, makeHelpCommand(() => table)];
  const exit = await runCommandLine(args, table, terminal);
  return { exit, ...texts };
}

test('flags and words reach the command typed', async () => {
  const { out } = await run('probe', '--count', '3', 'w', '--for=1m30s', '--file', 'a', '--file', 'b');
  expect(JSON.parse(out)).toEqual({ words: ['w'], count: 3, for: 90_000, file: ['a', 'b'] });
});

test.each([
  [['prbe'], 'did you mean "paceline probe"?'],
  [['probe', 'w', '--cuont', '3'], '"paceline probe" knows no --cuont; did you mean --count?'],
  [['probe', 'w', '--count', '10'], '--count must be 1 to 9, got "10"'],
  [['probe', 'w', '--count', 'many'], '--count needs a whole number, got "many"'],
  [['probe', 'w', '--for', '60'], 'needs a duration such as 500ms, 60s or 5m, got "60"'],
  [['probe', 'w', '--for', '--count'], '--for needs a value'],
  [['probe', 'w', '--for', ''], '--for needs a value, got ""'],
  [['probe', 'w', '--for='], '--for needs a value, got ""'],
  [['probe', 'w', '--json=no'], '--json takes no value'],
  [['probe'], '"paceline probe" needs WORD: any word.'],
  [['probe', 'a', 'b'], 'unexpected word "b"'],
])('%j is refused with exit 64', async (args, message) => {
  const { exit, out, notes } = await run(...args);
  expect([exit, out]).toEqual([64, '']);
  expect(notes).toContain(message);
  expect(notes).toContain('next: ');
});

test('trouble and bugs have their own exit codes and say what to do', async () => {
  const world = await run('probe', 'world');
  expect(world).toMatchObject({ exit: 73, out: '' });
  expect(world.notes).toBe(
    'error PORT_TAKEN: port 1 is held\n  because: EADDRINUSE\nnext: Stop the named process or set another port.\n',
  );
  expect(JSON.parse((await run('probe', 'world', '--json')).notes).error.code).toBe('PORT_TAKEN');
  const bug = await run('probe', 'bug');
  expect(bug.exit).toBe(2);
  expect(bug.notes).toContain('TypeError');
});

test('help starts with an example, for the overview and for each command', async () => {
  expect((await run()).out).toMatch(/^ {2}paceline demo/);
  expect((await run('help', 'probe')).out).toMatch(/^ {2}paceline probe x --count 3\n/);
  expect((await run('probe', '--help')).out).toBe((await run('help', 'probe')).out);
  expect((await run('help', 'prob')).exit).toBe(64);
});

test('every command has examples of itself, and its reference is printed', () => {
  const reference = commandReference(commands);
  for (const command of commands) {
    expect(command.examples.length, command.name).toBeGreaterThan(0);
    for (const example of command.examples) expect(example).toMatch(new RegExp(`^paceline ${command.name}\\b`));
    expect(reference).toContain(`## ${command.name}\n`);
  }
  expect(reference).toContain('| 73 | `DATA_DIR_LOCKED`, `PORT_TAKEN` |');
});

test('durations need a unit', () => {
  expect(['60s', '1h30m', '500ms', '2d'].map(parseDuration)).toEqual([60_000, 5_400_000, 500, 172_800_000]);
  expect(['60', '', 's', '1.5s', '-1s'].map(parseDuration)).toEqual(Array(5).fill(undefined));
});
