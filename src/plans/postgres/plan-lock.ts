import type pg from 'pg';
import type { Database } from './database.ts';

/**
 * Runs `work` as the only one that writes plans of a stream; null when another does. The lock is a row
 * that only the service may touch, held by a transaction on a connection of its own: it lives and dies
 * with that connection, and a server finds out within half a minute that its other end is gone. Should
 * two write at once all the same, the key of the ledger lets one of them write each number.
 */
export async function underPlanLock<T>(
  database: Database,
  stream: string,
  work: (connection: pg.PoolClient) => Promise<T>,
): Promise<T | null> {
  return await database.withConnection(async (lock) => {
    await keepAlive(lock);
    const name = `plans ${stream}`;
    await lock.query('INSERT INTO paceline.writers (work) VALUES ($1) ON CONFLICT DO NOTHING', [name]);
    await lock.query('BEGIN');
    // It is silent for as long as the work takes.
    await lock.query('SET LOCAL idle_in_transaction_session_timeout = 0');
    const { rowCount } = await lock.query('SELECT FROM paceline.writers WHERE work = $1 FOR UPDATE SKIP LOCKED', [
      name,
    ]);
    const outcome = rowCount === 0 ? null : await database.withConnection(work);
    await lock.query('COMMIT');
    return outcome;
  });
}

/** Has the server look after its end of the connection: after 10 s of silence it asks, four times at most. */
async function keepAlive(connection: pg.PoolClient): Promise<void> {
  await connection.query(
    `SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '4', false)`,
  );
}
