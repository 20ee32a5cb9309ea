import { commands } from './cli/commands.ts';
import { endProcess, watchOutputs } from './cli/process-outputs.ts';
import { runCommandLine } from './cli/run-command-line.ts';
import { Terminal } from './cli/terminal.ts';

// The process door: arguments in, exit code out.
watchOutputs();
const terminal = new Terminal(process.stdout, process.stderr, process.env);
const exitCode = await runCommandLine(process.argv.slice(2), commands, terminal);
// Everything is closed by now. A handle that some library forgot must not keep the process alive.
endProcess(exitCode);
