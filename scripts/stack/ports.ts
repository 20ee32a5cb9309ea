import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { StackError } from './stack-error.ts';

/** Where each door of the stack listens unless told otherwise; all on loopback. */
export const portDefaults = {
  kafka: 19092,
  'kafka-controller': 19093,
  'kafka-sasl': 19094,
  'kafka-tls': 19095,
  registry: 18081,
  'registry-management': 18082,
  'redis-state': 16379,
  'redis-cache': 16380,
  postgres: 15432,
  prometheus: 19190,
  alertmanager: 19193,
  s3: 19010,
  'iceberg-rest': 19181,
} as const;

export type PortName = keyof typeof portDefaults;
export type Ports = Readonly<Record<PortName, number>>;

/** Reads `name=port` words over the defaults; throws StackError on an unknown name or a number that is no port. */
export function readPorts(words: readonly string[]): Ports {
  const ports: Record<PortName, number> = { ...portDefaults };
  for (const word of words) {
    const [name, value] = word.split('=');
    const port = Number(value);
    if (!Object.hasOwn(ports, name))
      throw new StackError(`there is no port "${name}"; the ports are ${Object.keys(ports).join(', ')}`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new StackError(`"${word}" names no port: write ${name}=19092`);
    ports[name as PortName] = port;
  }
  const seen = new Map<number, string>();
  for (const [name, port] of Object.entries(ports)) {
    const other = seen.get(port);
    if (other) throw new StackError(`${name} and ${other} cannot both listen on ${port}`);
    seen.set(port, name);
  }
  return ports;
}

/**
 * Throws StackError that names the holder when a port is in use.
 * Waits a little: the system closes the doors of a killed process after it counts as gone.
 */
export async function checkPortFree(name: PortName, port: number, patienceMs = 3_000): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await canListen(port))) {
    if (Date.now() < end) {
      await sleep(50);
      continue;
    }
    throw new StackError(`port ${port} for ${name} is taken ${findHolder(port)}; choose another: --port ${name}=PORT`);
  }
}

async function canListen(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Says who listens on a port, as far as this machine's tools tell. */
function findHolder(port: number): string {
  const sockets = spawnSync('ss', ['-Hltnp', `sport = :${port}`], { encoding: 'utf8' }).stdout ?? '';
  const socket = /\("([^"]+)",pid=(\d+)/.exec(sockets);
  if (socket) return `by ${socket[1]} (process ${socket[2]})`;
  const files = spawnSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { encoding: 'utf8' }).stdout ?? '';
  const file = /p(\d+)\nc(.+)/.exec(files);
  return file ? `by ${file[2]} (process ${file[1]})` : 'by another process';
}
