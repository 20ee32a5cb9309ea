import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from './credentials.ts';
import type { Part } from './part.ts';
import { dataDir, s3Gateway } from './places.ts';
import { StackError } from './stack-error.ts';

export const s3Region = 'us-east-1';

/** An S3 store on loopback: a gateway over a folder, whose first level are the buckets. */
export const s3: Part = {
  name: 's3',
  ports: ['s3'],
  stopSignal: 'SIGTERM',
  async prepare({ dir }) {
    for (const folder of ['buckets', 'aside']) mkdirSync(join(dataDir(dir, 's3'), folder), { recursive: true });
  },
  command: ({ dir, ports }) => {
    const data = dataDir(dir, 's3');
    const { accessKeyId, secretAccessKey } = credentials.s3;
    return {
      file: s3Gateway(dir),
      // What it notes of objects must lie outside of its root.
      args: ['--port', `127.0.0.1:${ports.s3}`, 'posix', '--sidecar', join(data, 'aside'), join(data, 'buckets')],
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    };
  },
  async probe({ ports }) {
    // Nobody may list without a key: that it says so shows that it serves.
    const answer = await fetch(`http://127.0.0.1:${ports.s3}/`, { signal: AbortSignal.timeout(3_000) });
    await answer.body?.cancel();
    if (answer.status !== 403 && !answer.ok) throw new StackError(`the S3 gateway answers ${answer.status}`);
  },
};
