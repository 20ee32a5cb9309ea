import { commands } from './cli/commands.ts';
import { runCommandLine } from './cli/run-command-line.ts';
import { Terminal } from './cli/terminal.ts';

// The process door: arguments in, exit code out. A reader that goes away (`paceline sql ... | head`)
// is no error of ours, so a broken pipe ends us quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 74));

const terminal = new Terminal(process.stdout, process.stderr, process.env);
const exitCode = await runCommandLine(process.argv.slice(2), commands, terminal);
// Everything is closed by now. A handle that some library forgot must not keep the process alive.
process.stdout.write('', () => process.exit(exitCode));
