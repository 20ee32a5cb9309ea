import { EventBatch } from '../../../src/events/event-batch.ts';
import { kind } from '../../../src/events/kinds.ts';
import type { RecordRun } from '../../../src/events/record-run.ts';
import type { LogTimeMs } from '../../../src/model/time.ts';
import { decodeRows, RowWriter } from '../../../src/rows/row-binary.ts';
import { alertEvents, deadLetters, type Row, type Table, tables } from '../../../src/rows/tables.ts';
import type { LaneProgram, LaneProgramFactory, StreamRows } from '../../../src/runtime/lane-program.ts';
import { CampaignLane } from '../../../src/topology/campaign-topology.ts';
import { universeLimits } from '../universe/shares.ts';
import type { Mutant } from './mutant.ts';
import { wrap } from './wrap-program.ts';

/** What the operators, or the runner that holds them, could get wrong. */
export const programMutants: readonly Mutant[] = [
  {
    name: 'second_partitioner',
    bug: 'nobody checks whether a key belongs into its partition',
    program: (factory) => (lane) => factory({ ...lane, partition: 0, partitions: 1 }),
  },
  {
    name: 'lost_lane_keeps_memory',
    bug: 'a lane that lost its place goes on with the memory that it has',
    program: (factory) => {
      const programs = new Map<number, LaneProgram>();
      return (lane) => {
        const known = programs.get(lane.partition);
        if (known !== undefined) return wrap(known, { restore: () => {} });
        const program = factory(lane);
        programs.set(lane.partition, program);
        return program;
      };
    },
  },
  {
    name: 'plan_outside_the_log',
    bug: 'a restore takes the newest plan that the process knows, not that of its state',
    program: (factory) => keepNewestPlan(factory),
  },
  {
    name: 'trusts_bases_of_another',
    bug: 'a commit that another owner made counts as ours, bases and all',
    shownBy: 'test/topology/distrusted-bases.test.ts',
    program: (factory) => (lane) => wrap(factory(lane), { distrustBases: () => {} }),
  },
  {
    name: 'restore_ignores_deltas',
    bug: 'a restore reads the bases alone',
    program: (factory) => (lane) => {
      const program = factory(lane);
      return wrap(program, { restore: (snapshot) => program.restore({ ...snapshot, deltas: [] }) });
    },
  },
  {
    name: 'wall_clock_in_row',
    bug: 'a dead letter tells when it was made',
    program: (factory, { process }) =>
      spoilRows(factory, deadLetters, (row) => ({ ...row, detail: `${row.detail} (${process.clock.wallMs()})` })),
  },
  {
    name: 'version_of_the_commit',
    bug: 'a row carries the offset at which it was committed, not that of its last change',
    program: (factory, { memory }) =>
      spoilRows(factory, tables[0], (row) => {
        const commits = ((memory.get('commits') as bigint | undefined) ?? 1n << 48n) + 1n;
        memory.set('commits', commits);
        return { ...row, version: commits };
      }),
  },
  {
    name: 'random_alert_id',
    bug: 'an alert gets its identity by chance',
    program: (factory, { process }) =>
      spoilRows(factory, alertEvents, (row) => ({ ...row, alert_id: String(process.random.next()) })),
  },
  {
    name: 'stumbled_lane_goes_on',
    bug: 'a lane whose program threw goes on with half of a run in its books',
    program: (factory) => (lane) => goingOn(factory(lane), () => true),
  },
  {
    name: 'broken_record_passed',
    bug: 'a record that throws on its own is passed without a dead letter',
    program: (factory) => (lane) => goingOn(factory(lane), ({ count }) => count === 1),
  },
  {
    name: 'share_of_the_process',
    bug: 'what an organization may have is a setting of a process, and another process has another',
    program: (factory, { process }) => {
      const limits = { ...universeLimits, campaignsPerOrganizationMax: 12, deadLettersPerHourMax: 60 };
      return Number(process.name.at(-1)) % 2 === 0 ? (lane) => new CampaignLane(lane, limits) : factory;
    },
  },
  {
    name: 'only_newest_alert_committed',
    bug: 'of two transitions in one commit only the newer is kept',
    program: (factory) => (lane) => {
      const program = factory(lane);
      return wrap(program, {
        harvest(seq) {
          const harvest = program.harvest(seq);
          return { ...harvest, outputs: harvest.outputs.map((part) => onlyLast(part)) };
        },
      });
    },
  },
];

/** What threw over such a run is forgotten, and what it left undone counts as done. */
function goingOn(program: LaneProgram, isForgotten: (run: RecordRun) => boolean): LaneProgram {
  let missing = 0;
  const total = () => Object.values(program.tally).reduce((sum, count) => sum + count, 0);
  const lane = wrap(program, {
    apply(batch, run) {
      const before = total();
      try {
        program.apply(batch, run);
      } catch (error) {
        if (!isForgotten(run)) throw error;
        missing += run.count - (total() - before);
      }
    },
  });
  return Object.defineProperty(lane, 'tally', {
    get: () => ({ ...program.tally, applied: program.tally.applied + missing }),
  });
}

function spoilRows(factory: LaneProgramFactory, table: Table, spoil: (row: Row) => Row): LaneProgramFactory {
  return (lane) => {
    const program = factory(lane);
    return wrap(program, {
      harvest(seq) {
        const harvest = program.harvest(seq);
        const outputs = harvest.outputs.map((part) =>
          part.stream === table.name ? rewrite(part, table, spoil) : part,
        );
        return { ...harvest, outputs };
      },
    });
  };
}

function rewrite({ stream, shape, bytes }: StreamRows, table: Table, spoil: (row: Row) => Row): StreamRows {
  const writer = new RowWriter(table);
  for (const row of decodeRows(table, bytes, table === deadLetters ? ['key', 'raw'] : [])) writer.write(spoil(row));
  return { stream, shape, ...writer.take() };
}

function onlyLast(part: StreamRows): StreamRows {
  if (part.stream !== alertEvents.name || part.rows < 2) return part;
  const writer = new RowWriter(alertEvents);
  writer.write(decodeRows(alertEvents, part.bytes).at(-1)!);
  return { ...part, ...writer.take() };
}

/** After a restore the last plan that this process met is applied once more, whatever the state says. */
function keepNewestPlan(factory: LaneProgramFactory): LaneProgramFactory {
  const newest = new Map<number, { body: string; number: number; logTime: number; offset: number }>();
  return (lane) => {
    const program = factory(lane);
    return wrap(program, {
      apply(batch, run) {
        for (const [row, detail] of batch.details) {
          if (detail.kind !== 'org_plan' || detail.org_id !== '_default') continue;
          const { body, number } = detail;
          newest.set(lane.partition, { body, number, logTime: batch.logTimes[row], offset: batch.offsets[row] });
        }
        program.apply(batch, run);
      },
      restore(snapshot) {
        program.restore(snapshot);
        const plan = newest.get(lane.partition);
        if (plan === undefined || snapshot.meta === null || plan.offset < snapshot.meta.nextOffset) return;
        const batch = new EventBatch(1);
        batch.reset(1);
        batch.kinds[0] = kind.org_plan;
        batch.orgs[0] = batch.dictionaries.orgs.internText('_default');
        batch.keyOrgs[0] = -1;
        batch.offsets[0] = snapshot.meta.nextOffset - 1;
        batch.logTimes[0] = program.clockMs as LogTimeMs;
        const { body, number } = plan;
        batch.details.set(0, { kind: 'org_plan', org_id: '_default', number, hash: 'h', body, signature: '' });
        const none = new Int32Array(1).fill(-1);
        program.apply(batch, {
          ...{ topic: lane.topic, partition: lane.partition, count: 1, nextOffset: snapshot.meta.nextOffset },
          ...{
            offsets: batch.offsets,
            logTimes: batch.logTimes,
            control: 0,
            gaps: 0,
            unreadable: null,
            leaderEpoch: -1,
          },
          bytes: new Uint8Array(0),
          keyStarts: none,
          keyEnds: none,
          valueStarts: none,
          valueEnds: none,
        });
      },
    });
  };
}
