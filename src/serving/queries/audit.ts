import * as z from 'zod';
import type { AuditEntry, AuditPage } from '../access/store/audit-log.ts';
import { plainAnswer } from './answers.ts';
import { instant } from './columns.ts';
import { paging } from './fields.ts';
import { operation } from './operation.ts';
import { pageOf, positionOf } from './pages.ts';

const row = z.unknown().describe('The row, without hashes of secrets; null where there was, or is, none.');
const entry = z
  .strictObject({
    at: instant.describe('When.'),
    actor: z.string().describe('`user:ID`, `key:ID`, `operator:ID`, or a login and what it ran.'),
    action: z.string().describe('insert, update or delete.'),
    table: z.string().describe('The table.'),
    row_key: z.string().describe('The key of the row, its parts joined by `/`.'),
    before: row,
    after: row,
    request_id: z.string().nullable().describe('`X-Request-Id` of the call that changed it.'),
  })
  .meta({ title: 'AuditEntry' });
const text = z.string().min(1).max(300);

export const listAudit = operation({
  doc: 'Who changed what in the organization, newest first. Rows are only ever added.',
  input: z.strictObject({
    actor: text.optional().describe('What this one changed.'),
    table: text.optional().describe('What was changed in this table.'),
    row_key: text.optional().describe('And in this row of it.'),
    ...paging,
  }),
  output: z.array(entry).max(500),
  scope: 'organization',
  permission: 'audit.read',
  isWrite: false,
  isOfTables: false,
  cost: 5,
  async run(context, { actor, table, row_key, limit, cursor }) {
    const list = { name: 'audit', args: [actor, table, row_key], width: 2 };
    const position = positionOf(context, list, cursor);
    const page: AuditPage = {
      count: limit + 1,
      ...(actor !== undefined && { actor }),
      ...(table !== undefined && { table }),
      ...(row_key !== undefined && { key: row_key }),
      ...(position !== null && { before: { atMicros: Number(position[0]), id: String(position[1]) } }),
    };
    const found = await context.ports.access.accounts.audit.list(context.tables.orgId, page);
    const keyOf = ({ atMicros, id }: AuditEntry) => [atMicros, id];
    const { shown, nextCursor } = pageOf(context, list, found, { limit, keyOf });
    return { ...plainAnswer(shown.map(entryJson)), nextCursor };
  },
});

function entryJson({ atMicros, actor, action, table, key, before, after, requestId }: AuditEntry) {
  const at = new Date(Math.floor(atMicros / 1_000)).toISOString();
  return { at, actor, action, table, row_key: key, before, after, request_id: requestId };
}
