import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { makeCertificate } from './certificate.ts';
import { credentials } from './credentials.ts';
import type { Part, StackPlace } from './part.ts';
import { dataDir } from './places.ts';
import { StackError } from './stack-error.ts';

const debianRoot = '/usr/lib/postgresql';

/** The folder of the newest installed server's programs; undefined when there is none. */
export function findPostgresBin(): string | undefined {
  if (existsSync(debianRoot)) {
    const versions = readdirSync(debianRoot).sort((a, b) => Number(b) - Number(a));
    const bin = versions
      .map((version) => join(debianRoot, version, 'bin'))
      .find((dir) => existsSync(join(dir, 'initdb')));
    if (bin) return bin;
  }
  return (process.env.PATH ?? '').split(':').find((dir) => existsSync(join(dir, 'initdb')));
}

/** PostgreSQL refuses to run as root: then it runs as the user that its package made. */
function findUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const ask = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: ask('-u'), gid: ask('-g') };
}

function findProgram(name: string): string {
  const bin = findPostgresBin();
  if (!bin) throw new StackError('PostgreSQL is not installed: npm run stack -- --install');
  return join(bin, name);
}

function makeCluster({ dir }: StackPlace): void {
  const data = dataDir(dir, 'postgres');
  const user = findUser();
  const passwordFile = join(dir, 'data', 'postgres-password');
  // The mode goes to every directory that is made, and the user of PostgreSQL must get past those above.
  mkdirSync(dirname(data), { recursive: true });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, `${credentials.postgres.password}\n`, { mode: 0o600 });
  if (user) for (const path of [data, passwordFile]) chownSync(path, user.uid, user.gid);
  const access = ['-U', credentials.postgres.user, `--pwfile=${passwordFile}`, '-A', 'scram-sha-256'];
  const args = ['-D', data, ...access, '-E', 'UTF8', '--locale=C'];
  const { status, stderr } = spawnSync(findProgram('initdb'), args, { cwd: tmpdir(), encoding: 'utf8', ...user });
  rmSync(passwordFile);
  if (status === 0) return;
  const hint = user ? `; may the user of PostgreSQL enter ${dir} and the folders above it?` : '';
  throw new StackError(`initdb failed: ${stderr.trim()}${hint}`);
}

const serverCertificatePath = (dir: string) => join(dataDir(dir, 'postgres'), 'server.pem');

/** The certificate that a client must trust to talk TLS; who does not ask for TLS does without. */
export const postgresCertificatePath = (dir: string) => join(dataDir(dir, 'postgres'), 'ca.pem');

function makeServerCertificate(dir: string): void {
  const path = serverCertificatePath(dir);
  makeCertificate(path, postgresCertificatePath(dir));
  const user = findUser();
  if (user) chownSync(path, user.uid, user.gid);
}

/** Asks one question of one database and hangs up. */
export async function askPostgres(port: number, database: string, sql: string): Promise<Record<string, unknown>[]> {
  const { user, password } = credentials.postgres;
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database, connectionTimeoutMillis: 2_000 });
  // An idle client may lose its server while it hangs up; the question itself reports what matters.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

export const postgres: Part = {
  name: 'postgres',
  ports: ['postgres'],
  // "Fast": open sessions are ended, then it stops in order.
  stopSignal: 'SIGINT',
  async prepare(place) {
    if (!existsSync(join(dataDir(place.dir, 'postgres'), 'PG_VERSION'))) makeCluster(place);
    if (!existsSync(serverCertificatePath(place.dir))) makeServerCertificate(place.dir);
    // A postmaster that was killed leaves its file behind; an id given anew to a stranger would keep it from starting.
    rmSync(join(dataDir(place.dir, 'postgres'), 'postmaster.pid'), { force: true });
  },
  command: ({ dir, ports }) => {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: ports.postgres,
      unix_socket_directories: '',
      // Scratch data: it survives a killed process, not a power cut, and is faster for it.
      fsync: 'off',
      max_connections: 200,
      shared_buffers: '64MB',
      wal_level: 'logical',
      timezone: 'UTC',
      log_timezone: 'UTC',
      ssl: 'on',
      ssl_cert_file: serverCertificatePath(dir),
      ssl_key_file: serverCertificatePath(dir),
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const user = findUser();
    return {
      file: findProgram('postgres'),
      args: ['-D', dataDir(dir, 'postgres'), ...args],
      cwd: tmpdir(),
      ...(user && { user }),
    };
  },
  async probe({ ports }) {
    const { database } = credentials.postgres;
    const found = await askPostgres(
      ports.postgres,
      'postgres',
      `SELECT 1 FROM pg_database WHERE datname = '${database}'`,
    );
    if (found.length === 0) await askPostgres(ports.postgres, 'postgres', `CREATE DATABASE ${database}`);
  },
};
