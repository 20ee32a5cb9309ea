import type { PostgresSettings } from './config.ts';
import { Database } from './database.ts';

/** What happened to rows in the lake. */
interface LakeNote {
  /** Whose rows; `_system` where it was those of all. */
  readonly org: string;
  readonly action: 'moved' | 'expired' | 'erased';
  readonly table: string;
  /** Which of its rows. */
  readonly key: string;
  /** Counts and hashes. */
  readonly receipt: Readonly<Record<string, unknown>>;
}

/** Notes them in the audit log, all or none. Throws CONTROL_UNAVAILABLE, and CONTROL_REFUSED before the migration. */
export async function noteLake(settings: PostgresSettings, actor: string, notes: readonly LakeNote[]): Promise<void> {
  if (notes.length === 0) return;
  const database = new Database(settings, { connectionsMax: 1 });
  try {
    await database.transaction(
      async (connection) => {
        for (const { org, action, table, key, receipt } of notes)
          await connection.query('SELECT paceline.note_lake($1, $2, $3, $4, $5)', [
            org,
            action,
            table,
            key,
            JSON.stringify(receipt),
          ]);
      },
      { actor },
    );
  } finally {
    await database.close();
  }
}
