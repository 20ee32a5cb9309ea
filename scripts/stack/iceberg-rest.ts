import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from './credentials.ts';
import type { Part } from './part.ts';
import { dataDir, icebergLibsDir } from './places.ts';
import { s3Region } from './s3.ts';
import { StackError } from './stack-error.ts';

const launcher = join(import.meta.dirname, 'java', 'IcebergRest.java');

/**
 * Iceberg's own REST catalog. Metadata lies where its tables do: in a folder, or in the S3 store of this stack. It takes
 * any login.
 */
export const icebergRest: Part = {
  name: 'iceberg-rest',
  ports: ['iceberg-rest'],
  stopSignal: 'SIGTERM',
  async prepare({ dir }) {
    mkdirSync(join(dataDir(dir, 'iceberg-rest'), 'warehouse'), { recursive: true });
  },
  command: ({ dir, ports }) => {
    const data = dataDir(dir, 'iceberg-rest');
    const properties = {
      warehouse: `file://${data}/warehouse`,
      uri: `jdbc:sqlite:${data}/catalog.sqlite`,
      'jdbc.schema-version': 'V1',
      'catalog-impl': 'org.apache.iceberg.jdbc.JdbcCatalog',
      'io-impl': 'org.apache.iceberg.io.ResolvingFileIO',
      's3.endpoint': `http://127.0.0.1:${ports.s3}`,
      's3.path-style-access': 'true',
      's3.access-key-id': credentials.s3.accessKeyId,
      's3.secret-access-key': credentials.s3.secretAccessKey,
      'client.region': s3Region,
    };
    const options = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${icebergLibsDir(dir)}/*`];
    const pairs = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
    return { file: 'java', args: [...options, launcher, String(ports['iceberg-rest']), ...pairs], cwd: data };
  },
  async probe({ ports }) {
    const url = `http://127.0.0.1:${ports['iceberg-rest']}/v1/config`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    await answer.body?.cancel();
    if (!answer.ok) throw new StackError(`the Iceberg catalog answers ${answer.status}`);
  },
};
