import * as z from 'zod';
import { dayMs } from '../../model/time.ts';
import { orderSnapshots } from '../../rows/order-snapshots.ts';
import { answerOf } from './answers.ts';
import { type RawRow, rowJson, rowShape } from './columns.ts';
import { id, paging, period, periodOf } from './fields.ts';
import { operation } from './operation.ts';
import { inPeriod, newestFirst, pagedRows } from './paged-rows.ts';

const columns = orderSnapshots.columns
  .map(({ name }) => name)
  .filter((name) => name !== 'org_id' && name !== 'partition');
const order = z.strictObject(rowShape(orderSnapshots, columns)).meta({ title: 'OrderSnapshot' });

/** An order that is looked at has a snapshot an hour; what ended is told of for a month. */
const shownBackMs = 31 * dayMs;

export const listOrders = operation({
  doc: 'How every order stands: its newest snapshot, by their ids, of orders that were looked at in the last 31 days before the newest look at any.',
  input: z.strictObject({}),
  output: z.array(order),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context) {
    // A replayed log lies in the past, so "now" is the newest that was seen. Its day is found first: partitions are weeks.
    const [newest] = await context.tables.rows<{ at: string }>({
      sql: `SELECT toString(toUnixTimestamp64Milli(max(evaluated_at))) AS at FROM order_snapshots WHERE org_id = {org:String}`,
      parameters: {},
    });
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT ${columns.join(', ')} FROM order_snapshots FINAL WHERE org_id = {org:String}
  AND evaluated_at > fromUnixTimestamp64Milli({from:Int64}, 'UTC')
ORDER BY order_id, evaluated_at DESC LIMIT 1 BY order_id LIMIT 1000`,
      parameters: { from: Number(newest?.at ?? 0) - shownBackMs },
    });
    return answerOf(
      rows.map((row) => rowJson(orderSnapshots, columns, row)),
      rows,
    );
  },
});

export const listOrderSnapshots = operation({
  doc: 'How an order stood over time: its snapshots of a period by the time of their evaluation, the newest first.',
  input: z.strictObject({ order_id: id.describe('The order.'), ...period, ...paging }),
  output: z.array(order),
  scope: 'organization',
  permission: 'pacing.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, input) {
    const { order_id: wanted } = input;
    const { from, to } = periodOf(input, context.ports.now(), shownBackMs);
    const { column, key } = newestFirst('evaluated_at', to);
    const table = await context.tables.since('order_snapshots', from);
    const { shown, nextCursor } = await pagedRows(context, {
      list: { name: 'order-snapshots', args: [wanted, input.from, input.to] },
      input,
      columns: [...columns, column, 'toUnixTimestamp64Milli(as_of) AS as_of_ms'],
      table: table.sql,
      where: ['order_id = {order:String}', inPeriod('evaluated_at')],
      parameters: { order: wanted, from, to },
      sortedBy: [key, { name: 'as_of_ms', type: 'Int64', first: 0 }],
      direction: 'DESC',
    });
    const data = shown.map((row) => rowJson(orderSnapshots, columns, row));
    return answerOf(data, shown, nextCursor, table.reach);
  },
});
