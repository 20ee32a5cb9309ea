import { EngineError } from '../../../model/errors.ts';
import { idPattern } from '../../../model/ids.ts';
import type { WriteContext } from '../../ports.ts';
import { notFound, type RunSql, type StoreContext } from './accounts-database.ts';
import { checkedOrg } from './people.ts';

/** One version of a document that an organization keeps, without the document. */
export interface ConfigurationFacts {
  readonly orgId: string;
  readonly name: string;
  /** 1, 2, …: what the next writer must have seen. */
  readonly version: number;
  readonly createdBy: string;
  readonly createdMs: number;
}

export interface Configuration extends ConfigurationFacts {
  /** JSON as it was written; null = it was taken away. */
  readonly document: string | null;
}

const documentBytesMax = 262_144;
const documentsPerOrganizationMax = 200;
/** Versions of a document that stay readable; the audit log has them all. */
export const versionsKept = 50;

/** Documents of organizations, a row a version; the newest is in force. */
export class Configurations {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** The version in force, or the one that is named; null where there is none. */
  async read(orgId: string, name: string, version: number | null = null): Promise<Configuration | null> {
    const { database } = this.#context;
    const [row] = await database.readOf(checkedOrg(orgId))<ConfigurationRow & { document: string | null }>(
      `${this.#select(', document')} WHERE org_id = $1 AND name = $2${version === null ? '' : ' AND version = $3'}
       ORDER BY version DESC LIMIT 1`,
      version === null ? [orgId, checkedName(name)] : [orgId, checkedName(name), version],
    );
    return row === undefined || row.document === null ? null : { ...toFacts(row), document: row.document };
  }

  /** Newest first, at most `versionsKept`. */
  async history(orgId: string, name: string): Promise<ConfigurationFacts[]> {
    const { database } = this.#context;
    const rows = await database.readOf(checkedOrg(orgId))<ConfigurationRow>(
      `${this.#select()} WHERE org_id = $1 AND name = $2 ORDER BY version DESC LIMIT ${versionsKept}`,
      [orgId, checkedName(name)],
    );
    return rows.map(toFacts);
  }

  /** Those in force, by name. */
  async list(orgId: string): Promise<ConfigurationFacts[]> {
    const { database } = this.#context;
    const rows = await database.readOf(checkedOrg(orgId))<ConfigurationRow>(
      `${this.#select()} c WHERE org_id = $1 AND document IS NOT NULL AND version =
         (SELECT max(n.version) FROM paceline.configurations n WHERE n.org_id = c.org_id AND n.name = c.name)
       ORDER BY name LIMIT ${documentsPerOrganizationMax}`,
      [orgId],
    );
    return rows.map(toFacts);
  }

  /**
   * Writes the next version. `expected` is the version that the writer saw, 0 = there is none. Throws
   * EDIT_CONFLICT where somebody was faster, REQUEST_INVALID for what is no JSON or too long.
   */
  async write(
    by: WriteContext,
    document: { readonly orgId: string; readonly name: string; readonly text: string | null },
    expected: number,
  ): Promise<Configuration> {
    const { database, nowMs } = this.#context;
    const orgId = checkedOrg(document.orgId);
    const name = checkedName(document.name);
    const text = document.text === null ? null : checkedJson(document.text);
    const at = nowMs();
    const version = await database.write(by, async (run) => {
      await database.admitOrganization(run, orgId);
      const held = await this.#heldVersion(run, orgId, name);
      // Who saw that it was taken away writes it anew as who saw nothing at all.
      const isExpected = held.version === expected || (expected === 0 && !held.isThere);
      const next = held.version + 1;
      const made = isExpected
        ? await run(
            `INSERT INTO paceline.configurations (org_id, name, version, document, created_by, created_at)
             SELECT o.id, $2, $3, $4, $5, ${database.instant('$6')} FROM paceline.organizations o WHERE o.id = $1
             ON CONFLICT (org_id, name, version) DO NOTHING RETURNING version`,
            [orgId, name, next, text, by.actor, at],
          )
        : [];
      if (made.length === 0) await this.#refuse(run, orgId, name, held.version);
      await this.#requireRoom(run, orgId);
      await run('DELETE FROM paceline.configurations WHERE org_id = $1 AND name = $2 AND version <= $3', [
        orgId,
        name,
        next - versionsKept,
      ]);
      return next;
    });
    return { orgId, name, version, document: text, createdBy: by.actor, createdMs: at };
  }

  async #heldVersion(run: RunSql, orgId: string, name: string): Promise<{ version: number; isThere: boolean }> {
    const [newest] = await run<{ version: number; is_there: number }>(
      `SELECT version, CASE WHEN document IS NULL THEN 0 ELSE 1 END AS is_there FROM paceline.configurations
       WHERE org_id = $1 AND name = $2 ORDER BY version DESC LIMIT 1`,
      [orgId, name],
    );
    return { version: newest?.version ?? 0, isThere: newest?.is_there === 1 };
  }

  async #refuse(run: RunSql, orgId: string, name: string, held: number): Promise<never> {
    const known = await run('SELECT id FROM paceline.organizations WHERE id = $1', [orgId]);
    if (known.length === 0) throw notFound('organization');
    throw new EngineError('EDIT_CONFLICT', `${name} has version ${held}, which is not the one that was edited`);
  }

  async #requireRoom(run: RunSql, orgId: string): Promise<void> {
    const [{ names }] = await run<{ names: number | string }>(
      'SELECT count(DISTINCT name) AS names FROM paceline.configurations WHERE org_id = $1',
      [orgId],
    );
    if (Number(names) > documentsPerOrganizationMax)
      throw new EngineError(
        'REQUEST_INVALID',
        `an organization keeps at most ${documentsPerOrganizationMax} documents`,
      );
  }

  #select(more = ''): string {
    const { ms } = this.#context.database;
    return `SELECT org_id, name, version, created_by, ${ms('created_at')} AS created_ms${more} FROM paceline.configurations`;
  }
}

function checkedName(name: string): string {
  if (!idPattern.test(name)) throw new EngineError('REQUEST_INVALID', 'name must match [A-Za-z0-9_.:-]{1,64}');
  return name;
}

function checkedJson(text: string): string {
  if (Buffer.byteLength(text) > documentBytesMax)
    throw new EngineError('REQUEST_INVALID', `the document is longer than ${documentBytesMax} bytes`);
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new EngineError('REQUEST_INVALID', `the document is no JSON: ${(cause as Error).message}`, { cause });
  }
  // PostgreSQL's text holds no NUL; JSON has it escaped only.
  if (text.includes('\0')) throw new EngineError('REQUEST_INVALID', 'the document holds a NUL');
  return text;
}

interface ConfigurationRow {
  readonly org_id: string;
  readonly name: string;
  readonly version: number;
  readonly created_by: string;
  readonly created_ms: number;
}

function toFacts(row: ConfigurationRow): ConfigurationFacts {
  return {
    orgId: row.org_id,
    name: row.name,
    version: row.version,
    createdBy: row.created_by,
    createdMs: row.created_ms,
  };
}
