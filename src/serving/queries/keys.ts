import * as z from 'zod';
import type { ApiKey } from '../access/store/keys.ts';
import { permissions } from '../caller.ts';
import { plainAnswer } from './answers.ts';
import { instant } from './columns.ts';
import { moment, paging } from './fields.ts';
import { requireAll } from './granting.ts';
import { operation } from './operation.ts';
import { pageOf, positionOf } from './pages.ts';
import { writerOf } from './rules.ts';

const scopes = z
  .array(z.enum(permissions).exclude(['engine.read']))
  .min(1)
  .max(permissions.length)
  .describe('What its holder may do.');
const key = z
  .strictObject({
    key_id: z.uuid().describe('The key.'),
    name: z.string().describe('The name.'),
    prefix: z.string().describe('The part of the key that may be shown.'),
    scopes,
    created_by: z.string().describe('Who made it, as the audit log names them.'),
    created_at: instant.describe('When it was made.'),
    expires_at: instant.nullable().describe('When it ends.'),
    revoked_at: instant.nullable().describe('When it was revoked; null = it was not.'),
    used_at: instant.nullable().describe('Its last use, to the minute.'),
  })
  .meta({ title: 'ApiKey' });

export const listKeys = operation({
  doc: 'The API keys of the organization, revoked ones too; never what opens with them.',
  input: z.strictObject({ ...paging }),
  output: z.array(key).max(500),
  scope: 'organization',
  permission: 'keys.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run(context, { limit, cursor }) {
    const list = { name: 'keys', args: [], width: 1 };
    const position = positionOf(context, list, cursor);
    const after = position === null ? {} : { after: String(position[0]) };
    const { keys } = context.ports.access.accounts;
    const found = await keys.list(context.tables.orgId, { ...after, count: limit + 1 });
    const { shown, nextCursor } = pageOf(context, list, found, { limit, keyOf: ({ prefix }) => [prefix] });
    return { ...plainAnswer(shown.map(keyJson)), nextCursor };
  },
});

export const createKey = operation({
  doc: 'Makes an API key of the organization. `key` is told this once. Nobody gives a key more than they may do themselves.',
  input: z.strictObject({
    name: z.string().min(1).max(200).describe('The name.'),
    scopes,
    expires_at: moment.nullable().describe('Null = it holds until it is revoked.'),
  }),
  output: key.extend({ key: z.string().describe('Goes into `Authorization: Bearer`.') }).meta({ title: 'NewApiKey' }),
  scope: 'organization',
  permission: 'keys.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run({ caller, ports, tables }, { name, scopes: wanted, expires_at }) {
    requireAll(caller, wanted);
    const expiresMs = expires_at === null ? null : Date.parse(expires_at);
    const by = writerOf(caller);
    const issued = await ports.access.issueKey(by, { orgId: tables.orgId, name, scopes: wanted, expiresMs });
    return plainAnswer({ ...keyJson(issued.made), key: issued.key });
  },
});

export const deleteKey = operation({
  doc: 'Revokes a key, at once and for good.',
  input: z.strictObject({ key_id: z.uuid().describe('The key.') }),
  output: z.null(),
  scope: 'organization',
  permission: 'keys.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run({ caller, ports, tables }, { key_id }) {
    await ports.access.accounts.keys.revoke(writerOf(caller), tables.orgId, key_id);
    return plainAnswer(null);
  },
});

const said = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

function keyJson(found: ApiKey) {
  return {
    ...{ key_id: found.id, name: found.name, prefix: found.prefix, created_by: found.createdBy },
    ...{ created_at: new Date(found.createdMs).toISOString(), expires_at: said(found.expiresMs) },
    ...{ revoked_at: said(found.revokedMs), used_at: said(found.usedMs) },
    scopes: [...found.scopes] as z.output<typeof scopes>,
  };
}
