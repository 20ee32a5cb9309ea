import { type ErrorCode, errorCatalogue } from '../model/errors.ts';
import type { Command, Flag } from './command.ts';
import { flagsOf } from './parse-call.ts';

/** The list of commands, an example first. */
export function overviewHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    '  paceline demo                      # watch simulated campaigns, nothing to set up',
    '  paceline run --data ./data         # the engine, embedded',
    '',
    'Paceline reads campaign events from a log and says, per flight and to the micro, whether',
    'its budget is on pace and who must know.',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    '"paceline help COMMAND" shows its flags. Results go to stdout, everything else to stderr.',
  ].join('\n');
}

/** Help of one command: examples, what it does, its flags. */
export function commandHelp(command: Command): string {
  const flags = Object.entries(flagsOf(command));
  const shown = flags.map(([name, flag]) => ({ left: flagSyntax(name, flag), doc: flagDoc(flag) }));
  const width = Math.max(...shown.map(({ left }) => left.length));
  return [
    ...command.examples.map((example) => `  ${example}`),
    '',
    ...wrap(command.doc, 96),
    ...(command.words ? ['', `${command.words.name}: ${command.words.doc}`] : []),
    '',
    'Flags:',
    ...shown.map(({ left, doc }) => `  ${left.padEnd(width)}  ${doc}`),
  ].join('\n');
}

function flagSyntax(name: string, flag: Flag): string {
  if (flag.type === 'boolean') return `--${name}`;
  const fallback = { text: 'TEXT', integer: 'N', duration: '60s' }[flag.type];
  return `--${name} ${flag.value ?? fallback}`;
}

function flagDoc(flag: Flag): string {
  return flag.default === undefined ? flag.doc : `${flag.doc} Default: ${flag.default}.`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines[lines.length - 1];
    if (line !== '' && line.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

/** docs/cli.md. */
export function commandReference(commands: readonly Command[]): string {
  const sections = commands.map((command) => {
    const rows = Object.entries(flagsOf(command)).map(
      ([name, flag]) => `| \`${flagSyntax(name, flag).replaceAll('|', '\\|')}\` | ${flagDoc(flag)} |`,
    );
    const words = command.words ? `\n\`${command.words.name}\`: ${command.words.doc}\n` : '';
    return `## ${command.name}\n\n${command.summary}\n\n\`\`\`sh\n${command.examples.join('\n')}\n\`\`\`\n\n${command.doc}\n${words}\n| flag | meaning |\n| --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Command line\n\nPrinted from the command table by \`npm run docs\`; do not edit.\n\nResults go to stdout; progress, warnings and errors to stderr. \`NO_COLOR\` is honoured, and nothing is animated where the output is not a terminal. In this repository: \`npm run paceline -- COMMAND\`.\n\n${sections.join('\n')}\n${exitCodes()}`;
}

function exitCodes(): string {
  const byExit = new Map<number, ErrorCode[]>();
  for (const [code, { exit }] of Object.entries(errorCatalogue))
    byExit.set(exit, [...(byExit.get(exit) ?? []), code as ErrorCode]);
  const rows = [...byExit]
    .sort(([a], [b]) => a - b)
    .map(([exit, codes]) => `| ${exit} | ${codes.map((code) => `\`${code}\``).join(', ')} |`);
  return `## Exit codes\n\nErrors are explained in [errors.md](errors.md).\n\n| code | meaning |\n| --- | --- |\n| 0 | Done. |\n| 1 | \`doctor\` found something that is not in order; a rule test failed; a bound of \`backtest --fail-if\` holds. |\n| 2 | A bug of ours; the message asks you to report it. |\n| 74 | Also: the result could not be written, as on a full disk. |\n${rows.join('\n')}\n| 130, 143 | Stopped at once by a second SIGINT or SIGTERM. |\n`;
}
