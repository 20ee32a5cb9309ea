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
    version: text.describe('Its release.'),
    state: z.enum(['starting', 'running', 'draining', 'stopped', 'failed']).describe('What it is doing.'),
    failure: text.nullable().describe('Why it ended; null while it runs.'),
    generation: count.describe('Number of the stream that the state belongs to.'),
    waiting_for: text.nullable().describe('The part that the start waits for, with its trouble.'),
    lanes: z
      .array(
        z
          .object({
            lane: text.describe('Topic and partition.'),
            next_offset: count.describe('Offset of the record that is read next.'),
            clock_ms: count.nullable().describe('Newest log time applied, ms.'),
            records: count.describe('Records applied since the start.'),
            commits: count.describe('Commits since the start.'),
            paused_for: text.nullable().describe('Why the lane does not read at the moment.'),
            trouble: text.nullable().describe('What it waits for; null = nothing.'),
          })
          .meta({ title: 'EngineLane' }),
      )
      .describe('Its lanes, a partition each.'),
    sinks: z
      .array(
        z
          .object({
            sink: text.describe('Name of the sink.'),
            is_up: z.boolean().describe('False while it takes nothing.'),
            rows: count.describe('Rows since the start.'),
            chunks_queued: count.describe('Commits whose rows wait.'),
            last_error: text.nullable().describe('The last trouble; null = none.'),
          })
          .meta({ title: 'EngineSink' }),
      )
      .describe('Where its rows go.'),
    records: count.describe('Records applied since the start.'),
    dead_letters: count.describe('Records since the start that could not be used.'),
    undelivered_bytes: count.describe('Rows that no sink took yet, bytes.'),
  })
  .meta({ title: 'Engine' });

const program = z
  .object({
    name: text.describe('The name.'),
    why_idle: text.nullable().describe('Why it does not run; null = it runs.'),
    nodes: z.array(z.unknown()).describe('Its sources, operators and sinks.'),
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
  output: z.array(z.strictObject({ organization: z.string().describe('Its id.') }).meta({ title: 'Organization' })),
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
