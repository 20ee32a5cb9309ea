import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { credentials } from './credentials.ts';
import type { Part } from './part.ts';
import { dataDir } from './places.ts';
import { waitUntil } from './probe.ts';
import { StackError } from './stack-error.ts';

/** The two roles and what sets them apart: state may refuse writes but never forget, a cache the other way round. */
const policies = {
  'redis-state': ['appendonly yes', 'appendfsync everysec', 'maxmemory 512mb', 'maxmemory-policy noeviction'],
  'redis-cache': ['appendonly no', 'maxmemory 64mb', 'maxmemory-policy allkeys-lru'],
} as const;

/** A Redis on loopback. Anyone there may use it without a name; the named user exists to prove authentication. */
export function makeRedis(name: 'redis-state' | 'redis-cache'): Part {
  return {
    name,
    ports: [name],
    stopSignal: 'SIGTERM',
    async prepare({ dir, ports }) {
      const data = dataDir(dir, name);
      mkdirSync(data, { recursive: true });
      const { user, password } = credentials.redis;
      const lines = [
        'bind 127.0.0.1',
        `port ${ports[name]}`,
        `dir ${data}`,
        'save ""',
        // The tail of the log stays in one file, so that a test can cut it.
        'auto-aof-rewrite-percentage 0',
        `user ${user} on >${password} ~* &* +@all`,
        ...policies[name],
      ];
      writeFileSync(join(data, 'redis.conf'), `${lines.join('\n')}\n`, { mode: 0o600 });
    },
    command: ({ dir }) => ({ file: 'redis-server', args: [join(dataDir(dir, name), 'redis.conf')] }),
    async probe({ ports }) {
      const answer = await askRedis(ports[name], 'PING');
      if (!answer.startsWith('+PONG')) throw new StackError(`${name} answers ${answer.trim()}`);
    },
  };
}

/** Resolves when the append-only file holds all that was answered: Redis may hold a write back while it syncs. */
export async function waitUntilLogIsWritten(port: number): Promise<void> {
  const probe = async () => {
    const info = await askRedis(port, 'INFO persistence');
    if (!/aof_buffer_length:0\r/.test(info)) throw new StackError('the state Redis does not write its log');
  };
  await waitUntil(probe, 10_000, () => true);
}

/** One question by hand: a client would retry by itself and hide the state of a start. */
async function askRedis(port: number, question: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    let answer = '';
    // QUIT makes the server end the answer, so no length needs to be read.
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(`${question}\r\nQUIT\r\n`));
    socket.setTimeout(1_000, () => socket.destroy(new StackError(`no answer to ${question} within a second`)));
    socket.on('data', (data) => (answer += data));
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}
