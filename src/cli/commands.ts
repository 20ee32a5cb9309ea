import type { Command } from './command.ts';
import { makeHelpCommand } from './run-command-line.ts';
import { versionCommand } from './version.ts';

/** The command table, in the order of the help. */
export const commands: readonly Command[] = [versionCommand, makeHelpCommand(() => commands)];
