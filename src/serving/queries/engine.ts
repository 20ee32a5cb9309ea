import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import { plainAnswer } from './answers.ts';
import { id } from './fields.ts';
import { operation } from './operation.ts';

const count = z.number().int();
const text = z.string();

/** As `/-/status` shows it. */
const status = z
  .object({
    version: text,
    state: z.enum(['starting', 'running', 'draining', 'stopped', 'failed']),
    failure: text.nullable(),
    generation: count,
    waiting_for: text.nullable().describe('The part that the start waits for, with its trouble.'),
    lanes: z.array(
      z
        .object({
          lane: text,
          next_offset: count,
          clock_ms: count.nullable().describe('Newest log time applied, ms.'),
          records: count,
          commits: count,
          paused_for: text.nullable().describe('Why the lane does not read at the moment.'),
          trouble: text.nullable(),
        })
        .meta({ title: 'EngineLane' }),
    ),
    sinks: z.array(
      z
        .object({ sink: text, is_up: z.boolean(), rows: count, chunks_queued: count, last_error: text.nullable() })
        .meta({ title: 'EngineSink' }),
    ),
    records: count.describe('Records applied since the start.'),
    dead_letters: count,
    undelivered_bytes: count,
  })
  .meta({ title: 'Engine' });

const program = z
  .object({
    name: text,
    why_idle: text.nullable(),
    nodes: z.array(z.unknown()),
    mermaid: text.describe('The map as a Mermaid flowchart.'),
  })
  .meta({ title: 'Program' });

export const getEngine = operation({
  doc: 'The engine of this process: its lanes with their offsets and clocks, its sinks, and what it waits for.',
  input: z.strictObject({}),
  output: status,
  scope: 'engine',
  permission: 'engine.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ ports }) {
    return plainAnswer(status.parse(requireEngine(ports.engine).status()));
  },
});

export const listOrganizations = operation({
  doc: 'Organizations of which the tables hold anything, by their ids: where an operator begins.',
  input: z.strictObject({
    limit: z.int().min(1).max(1_000).default(100).describe('Entries of one answer at most.'),
    after: id.optional().describe('The last organization of the answer before.'),
  }),
  output: z.array(z.strictObject({ organization: z.string() }).meta({ title: 'Organization' })),
  scope: 'engine',
  permission: 'engine.read',
  isWrite: false,
  isOfTables: true,
  cost: 3,
  async run({ ports }, { limit, after = '' }) {
    const found = await ports.tables.organizations(after, limit);
    return plainAnswer(found.map((organization) => ({ organization })));
  },
});

export const getGraph = operation({
  doc: 'The programs that run in each lane, as `paceline graph` draws them.',
  input: z.strictObject({}),
  output: z.array(program),
  scope: 'engine',
  permission: 'engine.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ ports }) {
    return plainAnswer(z.array(program).parse(requireEngine(ports.engine).graph()));
  },
});

function requireEngine<Engine>(engine: Engine | null): Engine {
  if (engine === null) throw new EngineError('NOT_FOUND', 'this process serves and runs no engine; ask one that does');
  return engine;
}
