import type { CheckResult } from '../../control/check-result.ts';
import { EngineError } from '../../model/errors.ts';
import { type Command, configFlag, dataFlag, jsonFlag } from '../command.ts';
import { loadCallConfig } from '../load-call-config.ts';
import type { Terminal } from '../terminal.ts';
import { checkChdb, checkClock, checkDisk, checkNode, checkPorts, checkWritable } from './checks.ts';
import { checkDataDirectory } from './data-checks.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Check this machine and this data directory.',
  examples: ['paceline doctor', 'paceline doctor --data ./data --json'],
  doc: 'Looks at Node, the embedded ClickHouse, the data directory and its owner, disk, ports, the clock and the configuration. Each line has a stable id; what is not in order comes with a fix. Changes nothing. Exit code 1 when a check failed.',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  async run(call, terminal) {
    const results: CheckResult[] = [checkNode(), checkChdb()];
    try {
      const { config, files } = loadCallConfig(call);
      const detail = files.length === 0 ? 'no file, all defaults' : files.join(', ');
      results.push({ id: 'config.valid', status: 'ok', detail, fix: null });
      const directory = config.data_directory;
      results.push(checkWritable(directory), checkDisk(directory), checkClock(directory));
      const data = await checkDataDirectory(directory, config.log.topic);
      results.push(...data.results, ...(await checkPorts(config, data.served)));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      results.push({ id: 'config.valid', status: 'failed', detail: error.message, fix: error.next });
    }
    const isHealthy = results.every(({ status }) => status !== 'failed');
    if (call.has('json')) terminal.printJson({ healthy: isHealthy, checks: results });
    else printResults(results, terminal);
    return isHealthy ? 0 : 1;
  },
};

function printResults(results: readonly CheckResult[], terminal: Terminal): void {
  const width = Math.max(...results.map(({ id }) => id.length));
  const styles = { ok: 'green', warning: 'yellow', failed: 'red' } as const;
  for (const { id, status, detail, fix } of results) {
    const [first, ...rest] = detail.split('\n');
    terminal.print(`${terminal.style(styles[status], status.padEnd(7))}  ${id.padEnd(width)}  ${first}`);
    for (const line of rest) terminal.print(`${' '.repeat(width + 11)}${line}`);
    if (fix !== null) terminal.print(`${' '.repeat(width + 11)}fix: ${fix}`);
  }
}
