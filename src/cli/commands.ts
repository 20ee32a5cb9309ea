import { checkCommand } from './check.ts';
import type { Command } from './command.ts';
import { graphCommand } from './graph.ts';
import { makeHelpCommand } from './run-command-line.ts';
import { versionCommand } from './version.ts';

/** The command table, in the order of the help. */
export const commands: readonly Command[] = [
  checkCommand,
  graphCommand,
  versionCommand,
  makeHelpCommand(() => commands),
];
