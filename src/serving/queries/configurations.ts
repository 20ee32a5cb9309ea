import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import type { Configuration, ConfigurationFacts } from '../access/store/configurations.ts';
import { plainAnswer } from './answers.ts';
import { instant } from './columns.ts';
import { id } from './fields.ts';
import { operation } from './operation.ts';
import { writerOf } from './rules.ts';

const version = z.string().regex(/^[1-9]\d{0,8}$/);
const document = z.record(z.string(), z.unknown()).describe('A JSON object; what it means is its readers’ to say.');
const facts = z
  .strictObject({
    name: id.describe('The name.'),
    version: version.describe('Changes with each edit.'),
    created_by: z.string().describe('Who made it, as the audit log names them.'),
    created_at: instant.describe('When it was made.'),
  })
  .meta({ title: 'ConfigurationFacts' });
const configuration = facts.extend({ document }).meta({ title: 'Configuration' });
const documentsMax = 200;
const versionsMax = 50;

export const listConfigurations = operation({
  doc: 'Which documents the organization keeps (views, routes of notifications), by their names.',
  input: z.strictObject({}),
  output: z.array(facts).max(documentsMax),
  scope: 'organization',
  permission: 'configurations.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ ports, tables }) {
    return plainAnswer((await ports.access.accounts.configurations.list(tables.orgId)).map(factsJson));
  },
});

export const getConfiguration = operation({
  doc: 'One document as it is now.',
  input: z.strictObject({
    name: id.describe('The name.'),
    version: version.optional().describe('An older version; the default is the newest.'),
  }),
  output: configuration,
  scope: 'organization',
  permission: 'configurations.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ ports, tables }, { name, version: wanted }) {
    const number = wanted === undefined ? null : Number(wanted);
    const found = await ports.access.accounts.configurations.read(tables.orgId, name, number);
    if (found === null) throw new EngineError('NOT_FOUND', `there is no document ${name}`);
    return plainAnswer(configurationJson(found));
  },
});

export const listConfigurationVersions = operation({
  doc: 'The newest 50 versions of a document, newest first; `version` reads one of them.',
  input: z.strictObject({ name: id.describe('The name.') }),
  output: z.array(facts).max(versionsMax),
  scope: 'organization',
  permission: 'configurations.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ ports, tables }, { name }) {
    const found = await ports.access.accounts.configurations.history(tables.orgId, name);
    return plainAnswer(found.map(factsJson));
  },
});

const versionSeen = version.describe('`version` as its writer saw it; in REST it stands in If-Match.');

export const putConfiguration = operation({
  doc: 'Writes the next version of a document.',
  input: z.strictObject({
    name: id.describe('The name.'),
    document,
    expected_version: versionSeen.nullable().describe('Null = there is none yet; in REST that is If-None-Match: *.'),
  }),
  output: configuration,
  scope: 'organization',
  permission: 'configurations.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run({ caller, ports, tables }, { name, document: said, expected_version }) {
    const text = JSON.stringify(said);
    const { configurations } = ports.access.accounts;
    const wanted = { orgId: tables.orgId, name, text };
    return plainAnswer(
      configurationJson(await configurations.write(writerOf(caller), wanted, Number(expected_version))),
    );
  },
});

export const deleteConfiguration = operation({
  doc: 'Takes a document away; its versions stay readable.',
  input: z.strictObject({ name: id.describe('The name.'), expected_version: versionSeen }),
  output: z.null(),
  scope: 'organization',
  permission: 'configurations.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run({ caller, ports, tables }, { name, expected_version }) {
    const gone = { orgId: tables.orgId, name, text: null };
    await ports.access.accounts.configurations.write(writerOf(caller), gone, Number(expected_version));
    return plainAnswer(null);
  },
});

function factsJson({ name, version: held, createdBy, createdMs }: ConfigurationFacts) {
  return { name, version: String(held), created_by: createdBy, created_at: new Date(createdMs).toISOString() };
}

function configurationJson(found: Configuration) {
  return { ...factsJson(found), document: JSON.parse(found.document ?? '{}') as Record<string, unknown> };
}
