import { nearest } from '../model/nearest.ts';
import type { Command } from './command.ts';
import { commandHelp, overviewHelp } from './help.ts';
import { parseCall, usage } from './parse-call.ts';
import { reportError } from './report-error.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line and resolves with the exit code. Never throws. */
export async function runCommandLine(
  args: readonly string[],
  commands: readonly Command[],
  terminal: Terminal,
): Promise<number> {
  try {
    return await dispatch(args, commands, terminal);
  } catch (error) {
    return reportError(error, terminal, args.includes('--json'));
  }
}

async function dispatch(args: readonly string[], commands: readonly Command[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h') {
    terminal.print(overviewHelp(commands));
    return 0;
  }
  const command = find(name === '--version' ? 'version' : name, commands);
  const call = parseCall(command, rest);
  if (!call.has('help')) return await command.run(call, terminal);
  terminal.print(commandHelp(command));
  return 0;
}

function find(name: string, commands: readonly Command[]): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command) return command;
  const near = nearest(
    name,
    commands.map((candidate) => candidate.name),
  );
  throw usage(`there is no command "${name}"; ${near ? `did you mean "paceline ${near}"?` : 'see "paceline help"'}`);
}

/** `paceline help` needs the table it stands in, so it is made last. */
export function makeHelpCommand(commands: () => readonly Command[]): Command {
  return {
    name: 'help',
    summary: 'Show the commands, or the flags of one.',
    examples: ['paceline help', 'paceline help run'],
    doc: 'Prints the list of commands, or everything about one command.',
    flags: {},
    words: { name: 'COMMAND', doc: 'the command to explain.', min: 0, max: 1 },
    async run(call, terminal) {
      const [name] = call.words;
      terminal.print(name === undefined ? overviewHelp(commands()) : commandHelp(find(name, commands())));
      return 0;
    },
  };
}
