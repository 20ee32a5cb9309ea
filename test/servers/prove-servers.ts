import { join } from 'node:path';
import { startOwnStack } from '../chaos/own-stack.ts';
import type { Proof } from '../chaos/prove.ts';
import { Random } from '../simulation/random.ts';
import { type Disturbance, failClickHouse, hurtRedis, killEngines, restartKafka } from './disturb.ts';
import { ServerRun } from './server-run.ts';
import { ServerStage, type WorldOptions } from './server-stage.ts';

export interface ServerProofOptions extends WorldOptions {
  readonly directory: string;
  readonly tell: (line: string) => void;
}

const disturbances: readonly (readonly [string, readonly Disturbance[]])[] = [
  ['two engines', []],
  ['engines killed', [killEngines]],
  ['Redis restarted, killed, its tail cut', [hurtRedis]],
  ['Kafka restarted', [restartKafka]],
  ['ClickHouse failing', [failClickHouse]],
  ['all of it at once', [killEngines, hurtRedis, restartKafka, failClickHouse]],
];

/**
 * One simulated log in a topic of servers of its own, worked off by two engines: in peace, and while
 * each part is hurt. Each time everything must equal the oracle's fold of the topic.
 */
export async function* proveServers(options: ServerProofOptions): AsyncGenerator<Proof> {
  const { directory, tell, seed } = options;
  const stack = await startOwnStack(join(directory, 'stack'), ['kafka', 'registry', 'redis-state', 'postgres'], tell);
  try {
    const stage = await ServerStage.open(directory, stack, options, tell);
    for (const [name, hurts] of disturbances) {
      tell(name);
      yield await proveRun(stage, name, hurts, new Random(seed));
    }
  } finally {
    await stack.stop();
  }
}

/** Works the topic off while it is hurt, and compares; the name says how often it was hurt. */
export async function proveRun(
  stage: ServerStage,
  name: string,
  hurts: readonly Disturbance[],
  random: Random,
): Promise<Proof & { readonly times: readonly number[] }> {
  await using run = await ServerRun.open(stage, name.replaceAll(/[^A-Za-z]+/g, '-'));
  const [, ...times] = await Promise.all([run.workOff(), ...hurts.map((hurt) => hurt(run, random))]);
  run.clickhouseFaults.length = 0;
  const findings = await run.compare();
  return { name: times.length === 0 ? name : `${name} (${times.join(', ')} times)`, findings, times };
}
