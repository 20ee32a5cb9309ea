import { ConfigError } from '../control/config/problem.ts';
import { readPlanFiles } from '../control/plans/plan-files.ts';
import type { EngineError } from '../model/errors.ts';
import { type Command, configFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';

export const checkCommand: Command = {
  name: 'check',
  summary: 'Check the configuration, the organizations and the rules.',
  examples: ['paceline check', 'paceline check --config prod.yaml --json'],
  doc: 'Reads everything that a person wrote and names every mistake as file:line:column, with the nearest known name: syntax, settings, references, zones, rule conditions and their types. Touches no data and no running engine. Exit code 78 when something is wrong.',
  flags: { config: configFlag, json: jsonFlag },
  async run(call, terminal) {
    try {
      const { config, files } = loadCallConfig(call);
      const { drafts, rules } = readPlanFiles(config.plans);
      const found = { config_files: files, organizations: drafts.length, rules: rules.map(({ rule }) => rule.id) };
      if (call.has('json')) terminal.printJson({ valid: true, ...found, problems: [] });
      else {
        terminal.print(`configuration  ${files.length === 0 ? 'no file, all defaults' : files.join(', ')}`);
        terminal.print(`organizations  ${drafts.length} plans from ${config.plans.organizations}`);
        terminal.print(`rules          ${rules.length} from ${config.plans.rules}: ${found.rules.join(', ')}`);
        terminal.print(terminal.style('green', 'all good'));
      }
      return 0;
    } catch (error) {
      if (!call.has('json') || !(error instanceof ConfigError)) throw error;
      terminal.printJson({ valid: false, problems: error.problems });
      return (error satisfies EngineError).exitCode;
    }
  },
};
