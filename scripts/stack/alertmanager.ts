import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from './part.ts';
import { dataDir } from './places.ts';
import { expectOk } from './probe.ts';

/** Takes alerts and tells nobody: tests read them back over its API. */
const config = `route: {receiver: nobody, group_wait: 1s, group_interval: 1s}
receivers: [{name: nobody}]
`;

export const alertmanager: Part = {
  name: 'alertmanager',
  ports: ['alertmanager'],
  stopSignal: 'SIGTERM',
  async prepare({ dir }) {
    mkdirSync(dataDir(dir, 'alertmanager'), { recursive: true });
    writeFileSync(join(dataDir(dir, 'alertmanager'), 'alertmanager.yml'), config);
  },
  command: ({ dir, ports }) => ({
    file: 'prometheus-alertmanager',
    args: [
      `--config.file=${join(dataDir(dir, 'alertmanager'), 'alertmanager.yml')}`,
      `--storage.path=${dataDir(dir, 'alertmanager')}`,
      `--web.listen-address=127.0.0.1:${ports.alertmanager}`,
      // One instance: no gossip, no second port.
      '--cluster.listen-address=',
    ],
  }),
  probe: async ({ ports }) => await expectOk(`http://127.0.0.1:${ports.alertmanager}/-/ready`),
};
