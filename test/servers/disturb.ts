import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../simulation/random.ts';
import type { Fault } from '../sinks/clickhouse/faulty-proxy.ts';
import { instances, type ServerRun } from './server-run.ts';

/** Hurts a run again and again until it is done; resolves with how often. */
export type Disturbance = (run: ServerRun, random: Random) => Promise<number>;

/** Kills one of the engines (-9); it starts again by itself. */
export const killEngines: Disturbance = async (run, random) =>
  await again(run, random, [1_000, 4_000], async () => {
    const engine = run.engine(random.pick(instances));
    if (engine === undefined || engine.hasEnded !== null) return false;
    return (await engine.kill()).signal === 'SIGKILL';
  });

/** Restarts Redis, kills it, or kills it and cuts off the newest of its log. */
export const hurtRedis: Disturbance = async (run, random) =>
  await again(run, random, [1_500, 4_000], async () => {
    const { stack } = run.stage;
    const dice = random.next();
    if (dice < 0.3) await stack.restart('redis-state');
    else if (dice < 0.6) {
      await stack.kill('redis-state');
      await stack.start('redis-state');
    } else await stack.cutAofTail(random.between(1, 500_000));
    return true;
  });

export const restartKafka: Disturbance = async (run, random) =>
  await again(run, random, [4_000, 8_000], async () => {
    await run.stage.stack.restart('kafka');
    return true;
  });

/** Calls of ClickHouse are cut before or after it applied them, or answered by a busy gateway. */
export const failClickHouse: Disturbance = async (run, random) => {
  const kinds: readonly Fault[] = ['drop_before', 'drop_after', 'busy', 'none', 'none'];
  let hurt = 0;
  await again(run, random, [10, 200], async () => {
    if (run.clickhouseFaults.length > 0) return false;
    const fault = random.pick(kinds);
    run.clickhouseFaults.push(fault);
    if (fault !== 'none') hurt += 1;
    return true;
  });
  return hurt;
};

/** Each wait is longer than the one before: a group needs some seconds to miss a killed member, and must get on at last. */
const growingMs = 1_000;

/** Acts after waits of so many ms, and more each time, until the run is done; how often the act took place. */
async function again(
  run: ServerRun,
  random: Random,
  [least, most]: readonly [number, number],
  act: () => Promise<boolean>,
): Promise<number> {
  let times = 0;
  for (;;) {
    await sleep(random.between(least, most) + (least < growingMs ? 0 : times * growingMs));
    if (run.isDone) return times;
    if (await act()) times += 1;
  }
}
