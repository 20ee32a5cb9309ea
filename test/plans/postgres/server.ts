import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { attachStack } from '../../../scripts/stack/stack.ts';
import type { PostgresSettings } from '../../../src/plans/postgres/config.ts';

import { migrateDatabase } from '../../../src/plans/postgres/migrate.ts';

/** A superuser's url: the local stack's, or the one that PACELINE_TEST_POSTGRES names. */
const url = process.env.PACELINE_TEST_POSTGRES ?? attachStack(['postgres']).addresses.postgres.url;

export function settingsOf(database: string, login?: { name: string; password: string }): PostgresSettings {
  const made = new URL(url);
  made.pathname = `/${database}`;
  if (login !== undefined) {
    made.username = login.name;
    made.password = login.password;
  }
  return { url: made.href, ca_file: null, poll_interval_ms: 600_000 };
}

/** Runs `work` with an ordinary client: what any program or person at psql could do. */
export async function asLogin<T>(settings: PostgresSettings, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: settings.url! });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export interface TestDatabase extends AsyncDisposable {
  readonly settings: PostgresSettings;
  /** A login that has one of our roles, and nothing else. */
  login(role: 'paceline_service' | 'paceline_tenant'): Promise<PostgresSettings>;
}

/** Stands for the eight gigabytes that fill the queue of a real server: from here on it says that it is full. */
export const queueIsFull =
  'CREATE OR REPLACE FUNCTION paceline.notify_queue_usage() RETURNS double precision LANGUAGE sql RETURN 0.93::float8';

/** A database of its own, dropped with its logins at the end. */
export async function makeDatabase(options: { isMigrated?: boolean } = {}): Promise<TestDatabase> {
  const name = `paceline_test_${randomBytes(6).toString('hex')}`;
  const server = settingsOf(new URL(url).pathname.slice(1) || 'postgres');
  await asLogin(server, (client) => client.query(`CREATE DATABASE ${name}`));
  const settings = settingsOf(name);
  const logins: string[] = [];
  if (options.isMigrated !== false) await migrateDatabase({ settings });
  return {
    settings,
    login: async (role) => {
      const login = `${name}_${logins.length}`;
      const password = randomBytes(12).toString('hex');
      await asLogin(settings, async (client) => {
        await client.query(`CREATE ROLE ${login} LOGIN PASSWORD '${password}'`);
        await client.query(`GRANT ${role} TO ${login}`);
      });
      logins.push(login);
      return settingsOf(name, { name: login, password });
    },
    [Symbol.asyncDispose]: async () => {
      await asLogin(server, async (client) => {
        await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
        for (const login of logins) await client.query(`DROP ROLE ${login}`);
      });
    },
  };
}
