import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openAccounts } from '../../../src/serving/access/store/accounts.ts';
import { eraseAccounts } from '../../../src/serving/access/store/sqlite/erase-accounts.ts';
import { SqliteAccountsDatabase } from '../../../src/serving/access/store/sqlite/sqlite-accounts-database.ts';
import { by, hashOf } from '../../exams/accounts-exam.ts';

test('an organization is erased from every table that names it, and no other organization is touched', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-erase-accounts-'));
  const path = join(directory, 'accounts.sqlite');
  const nowMs = () => Date.parse('2026-11-30T12:00:00Z');
  const database = new SqliteAccountsDatabase(path, nowMs, { takesAnyOrganization: true });
  const accounts = openAccounts({ database, nowMs, newId: randomUUID, onTouched: async () => undefined });
  for (const orgId of ['acme', 'bolt']) {
    const { id } = await accounts.people.add(by, { email: `ann@${orgId}.example`, name: 'Ann' });
    await accounts.people.setRole(by, orgId, id, 'viewer');
    await accounts.configurations.write(by, { orgId, name: 'views', text: '{}' }, 0);
    const letter = { topic: 'ads.events.v1', partition: 0, offset: 7, sha256: 'ab'.repeat(32), isMended: false };
    const claim = { ...letter, newEventId: null, toPartition: 0, fromOffset: 9 };
    await accounts.replays.take(by, { orgId, replayId: randomUUID(), staleBeforeMs: 0 }, [claim]);
    await accounts.calls.take(by, orgId, { keyHash: hashOf(orgId), requestHash: hashOf('call') });
  }
  await accounts.close();

  const erased = eraseAccounts(path, 'acme', { nowMs: nowMs(), isDryRun: false });
  expect(erased).toMatchObject({ org_memberships: 1, configurations: 1, replays: 1, idempotent_calls: 1, users: 1 });
  const db = new DatabaseSync(path);
  const tables = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%org_id%' AND name <> 'audit_logs'")
    .all()
    .map(({ name }) => String(name));
  const holding = (org: string) =>
    tables.filter((name) => db.prepare(`SELECT 1 FROM ${name} WHERE org_id = ?`).get(org) !== undefined).sort();
  expect(holding('acme')).toEqual([]);
  expect(holding('bolt')).toEqual(['configurations', 'idempotent_calls', 'org_memberships', 'replays']);
  db.close();
  rmSync(directory, { recursive: true });
});
