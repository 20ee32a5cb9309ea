import * as z from 'zod';
import { EngineError } from '../../../model/errors.ts';
import type { Replay, ReplayPage } from '../../access/store/replays.ts';
import { plainAnswer } from '../answers.ts';
import { instant } from '../columns.ts';
import { paging } from '../fields.ts';
import { operation } from '../operation.ts';
import { pageOf, positionOf } from '../pages.ts';
import { letterAddress } from './letters.ts';

const entry = z
  .strictObject({
    ...letterAddress,
    replay_id: z.uuid().describe('The call that took it; letters of one call have one.'),
    by: z.string().describe('Who called, as the audit log names them.'),
    at: instant.describe('When the letter was taken.'),
    sent_at: instant
      .nullable()
      .describe(
        'When its new record was in the log; null = it is under way, or the call was cut off: asked again, it looks in the log first.',
      ),
    new_partition: z.int().min(0).max(65_535).describe('Where the new record lies.'),
    new_log_offset: z.number().int().nullable().describe('Its offset.'),
    is_mended: z.boolean().describe('The value is one that somebody gave, not the bytes that came.'),
    new_event_id: z.string().nullable().describe('The id that it got; null = it kept its own.'),
    sha256: z.string().describe('Of the value that was sent.'),
  })
  .meta({ title: 'Replay' });

export const listReplays = operation({
  doc: 'Which dead letters were sent again, by whom, when, and where their new records lie: the newest first.',
  input: z.strictObject({
    ...paging,
    replay_id: z.uuid().optional().describe('Only letters of this call.'),
    topic: letterAddress.topic.optional().describe('With `partition` and `log_offset`: only this letter.'),
    partition: letterAddress.partition.optional(),
    log_offset: letterAddress.log_offset.optional(),
  }),
  output: z.array(entry),
  scope: 'organization',
  permission: 'records.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run(context, { limit, cursor, replay_id, topic, partition, log_offset }) {
    const list = { name: 'replays', args: [replay_id, topic, partition, log_offset], width: 4 };
    const position = positionOf(context, list, cursor);
    const page: ReplayPage = {
      count: limit + 1,
      ...(replay_id !== undefined && { replayId: replay_id }),
      ...letterOf(topic, partition, log_offset),
      ...(position !== null && {
        before: {
          ...{ createdMs: Number(position[0]), topic: String(position[1]) },
          ...{ partition: Number(position[2]), offset: Number(position[3]) },
        },
      }),
    };
    const found = await context.ports.access.accounts.replays.list(context.tables.orgId, page);
    const keyOf = ({ createdMs, topic: of, partition: lane, offset }: Replay) => [createdMs, of, lane, offset];
    const { shown, nextCursor } = pageOf(context, list, found, { limit, keyOf });
    return { ...plainAnswer(shown.map(replayJson)), nextCursor };
  },
});

function letterOf(topic?: string, partition?: number, offset?: number): Pick<ReplayPage, 'letter'> {
  const said = [topic, partition, offset].filter((each) => each !== undefined);
  if (said.length === 0) return {};
  if (topic === undefined || partition === undefined || offset === undefined)
    throw new EngineError('REQUEST_INVALID', 'topic: a letter is named by topic, partition and log_offset together');
  return { letter: { topic, partition, offset } };
}

function replayJson(replay: Replay) {
  const { topic, partition, offset, replayId, createdBy, createdMs, sentMs, toPartition, toOffset } = replay;
  return {
    ...{ topic, partition, log_offset: offset, replay_id: replayId, by: createdBy },
    ...{ at: new Date(createdMs).toISOString(), sent_at: sentMs === null ? null : new Date(sentMs).toISOString() },
    ...{ new_partition: toPartition, new_log_offset: toOffset, is_mended: replay.isMended },
    ...{ new_event_id: replay.newEventId, sha256: replay.sha256 },
  };
}
