import type { WriteContext } from '../../ports.ts';
import { forgottenAtOnce, type StoreContext } from './accounts-database.ts';

/** A call that somebody may send again without having it done twice. Both are SHA-256. */
interface IdempotentCall {
  /** Of who calls, for which organization, and the key that came with the call. */
  readonly keyHash: Uint8Array;
  /** Of what is called, with what. */
  readonly requestHash: Uint8Array;
}

/** What is known of a key that was brought before. */
interface KnownCall {
  readonly requestHash: Uint8Array;
  readonly takenMs: number;
  /** What was answered, sealed; null = the call has not ended, or nobody came to write its answer down. */
  readonly answer: string | null;
}

/** Calls that came with a key of their own, each done once; what was answered is kept for whoever has the key. */
export class IdempotentCalls {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Null: the caller is the first with this key, and does the call. */
  async take(
    by: WriteContext,
    orgId: string | null,
    { keyHash, requestHash }: IdempotentCall,
  ): Promise<KnownCall | null> {
    const { database, nowMs } = this.#context;
    return await database.write(by, async (run) => {
      const made = await run(
        `INSERT INTO paceline.idempotent_calls (key_hash, org_id, request_hash, created_at)
         VALUES ($1, $2, $3, ${database.instant('$4')}) ON CONFLICT (key_hash) DO NOTHING RETURNING key_hash`,
        [keyHash, orgId, requestHash, nowMs()],
      );
      if (made.length > 0) return null;
      const [known] = await run<{ request_hash: Uint8Array; created_ms: number; answer: string | null }>(
        `SELECT request_hash, ${database.ms('created_at')} AS created_ms, answer FROM paceline.idempotent_calls
         WHERE key_hash = $1`,
        [keyHash],
      );
      return { requestHash: known.request_hash, takenMs: known.created_ms, answer: known.answer };
    });
  }

  async settle(by: WriteContext, keyHash: Uint8Array, answer: string): Promise<void> {
    await this.#context.database.write(by, (run) =>
      run('UPDATE paceline.idempotent_calls SET answer = $2 WHERE key_hash = $1 AND answer IS NULL', [keyHash, answer]),
    );
  }

  /** The call was refused and did nothing: its key is free again. */
  async release(by: WriteContext, keyHash: Uint8Array): Promise<void> {
    await this.#context.database.write(by, (run) =>
      run('DELETE FROM paceline.idempotent_calls WHERE key_hash = $1 AND answer IS NULL', [keyHash]),
    );
  }

  /** Forgets keys that came before `beforeMs`, the oldest first; says how many they were. */
  async forget(by: WriteContext, beforeMs: number): Promise<number> {
    const { database } = this.#context;
    const gone = await database.write(by, (run) =>
      run(
        `DELETE FROM paceline.idempotent_calls WHERE key_hash IN (
           SELECT key_hash FROM paceline.idempotent_calls WHERE created_at < ${database.instant('$1')}
           ORDER BY created_at LIMIT ${forgottenAtOnce}) RETURNING key_hash`,
        [beforeMs],
      ),
    );
    return gone.length;
  }
}
