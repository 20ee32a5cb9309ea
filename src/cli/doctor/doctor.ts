import { anchorOf } from '../../adapters/servers/check-catalogue.ts';
import type { LoadedConfig } from '../../adapters/settings.ts';
import { systemClock } from '../../control/system-clock.ts';
import { EngineError } from '../../model/errors.ts';
import { type CheckResult, failed, ok } from '../../model/finding.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from '../command.ts';
import { loadCallConfig } from '../load-call-config.ts';
import { quietLogger } from '../quiet-logger.ts';
import type { Terminal } from '../terminal.ts';
import {
  checkChdb,
  checkClock,
  checkDisk,
  checkNode,
  checkPorts,
  checkSharedDirectories,
  checkWritable,
} from './checks.ts';
import { checkDataDirectory } from './data-checks.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Check this machine, this data directory and every server of the configuration.',
  examples: [
    'paceline doctor',
    'paceline doctor --data ./data --json',
    'paceline doctor --config config/production.yaml',
  ],
  doc: 'Looks at Node, the embedded ClickHouse, the data directory and its owner, disk, ports, the clock and the configuration; and at each server that the configuration names: whether it answers to our credentials, its version and settings, what "paceline migrate" makes there, rights, clock and room. Servers are asked all at once, each for 20 s at most. Each line has a stable id, explained in docs/doctor.md; what is not in order comes with a fix. Changes nothing. Exit code 1 when a check failed.',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  async run(call, terminal) {
    const results = [checkNode(), ...(await checkAll(call))];
    const isHealthy = results.every(({ status }) => status !== 'failed');
    if (call.has('json')) terminal.printJson({ healthy: isHealthy, checks: results.map(withAnchor) });
    else printResults(results, terminal);
    return isHealthy ? 0 : 1;
  },
};

async function checkAll(call: Call): Promise<CheckResult[]> {
  let loaded: LoadedConfig;
  try {
    loaded = loadCallConfig(call);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return [checkChdb(), failed('config.valid', error.message, error.next)];
  }
  const { config, files } = loaded;
  const { data_directory: directory, log } = config;
  const [{ checkServers }, { checkPlanSigning }, { logPlaceOf }] = await Promise.all([
    import('../../adapters/servers/check-servers.ts'),
    import('../../adapters/plans/check-plans.ts'),
    import('../../adapters/log/log-place.ts'),
  ]);
  const servers = checkServers(config, { clock: systemClock, log: quietLogger() });
  const data = await checkDataDirectory(directory, logPlaceOf(config).isShared ? null : log.topic);
  return [
    ...(config.clickhouse.url === null ? [checkChdb()] : []),
    ok('config.valid', files.length === 0 ? 'no file, all defaults' : files.join(', ')),
    checkWritable(directory),
    checkDisk(directory),
    checkClock(directory),
    checkPlanSigning(config),
    ...data.results,
    ...checkSharedDirectories(config),
    ...(await checkPorts(config, data.served)),
    ...(await servers),
  ];
}

function withAnchor(result: CheckResult): CheckResult & { doc: string } {
  return { ...result, doc: anchorOf(result.id) };
}

function printResults(results: readonly CheckResult[], terminal: Terminal): void {
  const width = Math.max(...results.map(({ id }) => id.length));
  const styles = { ok: 'green', warning: 'yellow', failed: 'red' } as const;
  const indent = ' '.repeat(width + 11);
  for (const { id, status, detail, fix } of results) {
    const [first, ...rest] = detail.split('\n');
    terminal.print(`${terminal.style(styles[status], status.padEnd(7))}  ${id.padEnd(width)}  ${first}`);
    for (const line of rest) terminal.print(`${indent}${line}`);
    if (fix !== null) terminal.print(`${indent}fix: ${fix} See ${anchorOf(id)}`);
  }
}
