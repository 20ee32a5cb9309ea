import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from './part.ts';
import { dataDir } from './places.ts';
import { expectOk } from './probe.ts';

/** The file that lists whom to scrape: a test writes its engine's address there. */
export const targetsPath = (dir: string) => join(dataDir(dir, 'prometheus'), 'targets.json');

const rulesPath = join(import.meta.dirname, '..', '..', 'deploy', 'prometheus', 'alerts.yaml');

export const prometheus: Part = {
  name: 'prometheus',
  ports: ['prometheus'],
  stopSignal: 'SIGTERM',
  async prepare({ dir, ports }) {
    mkdirSync(dataDir(dir, 'prometheus'), { recursive: true });
    if (!existsSync(targetsPath(dir))) writeFileSync(targetsPath(dir), '[]\n');
    const config = `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [${JSON.stringify(rulesPath)}]
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:${ports.alertmanager}']}]}]}
scrape_configs:
  - job_name: paceline
    file_sd_configs: [{files: [${JSON.stringify(targetsPath(dir))}], refresh_interval: 1s}]
`;
    writeFileSync(join(dataDir(dir, 'prometheus'), 'prometheus.yml'), config);
  },
  command: ({ dir, ports }) => ({
    file: 'prometheus',
    args: [
      `--config.file=${join(dataDir(dir, 'prometheus'), 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dataDir(dir, 'prometheus'), 'data')}`,
      `--web.listen-address=127.0.0.1:${ports.prometheus}`,
      '--web.enable-lifecycle',
    ],
  }),
  probe: async ({ ports }) => await expectOk(`http://127.0.0.1:${ports.prometheus}/-/ready`),
};
