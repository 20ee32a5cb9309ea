import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTopicWriter } from '../../src/adapters/log/kafka-log.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import type { ProducedRecord } from '../../src/simulator/produced-record.ts';
import { Random } from '../simulation/random.ts';
import type { Fault } from '../sinks/clickhouse/faulty-proxy.ts';
import { type ChaosOptions, type ChaosReport, killsAndStops, shippedRules } from './chaos.ts';
import { compareDirectory, foldDirectory } from './compare-directory.ts';
import { EngineProcess, signalIfThere } from './engine-process.ts';
import { FaultLog } from './fault-log.ts';
import { Producer } from './producer.ts';
import { Servers } from './servers.ts';

const instances = ['a', 'b'] as const;
const terminateWithinMs = 60_000;

/**
 * Two engines share a topic, a Redis, a ClickHouse and a bronze table, and all of them are hurt at
 * random while a simulated world is produced. In the end one engine works the topic off in peace, and
 * everything is compared with the oracle's fold of the topic as an ordinary consumer reads it.
 */
export async function runServerChaos(options: ChaosOptions): Promise<ChaosReport> {
  const faults = new FaultLog(join(options.directory, 'faults.log'));
  const servers = await Servers.start(options.directory, options.partitions, options.tell);
  const world = new ServerWorld(options, servers, faults);
  try {
    await world.hurt();
    await world.settle();
    const records = await servers.mirror();
    options.tell(`${records} records of the topic are folded by docs/semantics.md`);
    const expected = await foldDirectory(options.directory, { generation: 1 });
    const findings = await compareDirectory(options.directory, expected, {
      endpoint: servers.endpoint,
      withBronze: true,
    });
    return {
      seed: options.seed,
      lives: world.lives,
      injected: Object.fromEntries(faults.counts),
      killsAndStops: faults.count(...killsAndStops),
      skipped: ['disk full: an affair of the embedded engine'],
      violations: faults.violations,
      records,
      findings,
    };
  } finally {
    await world.end();
    await servers.close();
  }
}

class ServerWorld {
  lives = 0;
  readonly #options: ChaosOptions;
  readonly #servers: Servers;
  readonly #faults: FaultLog;
  readonly #random: Random;
  readonly #producer: Producer;
  readonly #engines = new Map<string, EngineProcess>();
  /** Taken from the world and not yet known to be in the topic. */
  #unsent: ProducedRecord[] = [];

  constructor(options: ChaosOptions, servers: Servers, faults: FaultLog) {
    this.#options = options;
    this.#servers = servers;
    this.#faults = faults;
    this.#random = new Random(options.seed);
    this.#producer = new Producer(options, shippedRules());
  }

  async hurt(): Promise<void> {
    const { forMs, tell } = this.#options;
    await this.#produce(0);
    for (const name of instances) this.#start(name);
    const share = () => Math.min(1, this.#faults.elapsedMs / forMs);
    let isOver = false;
    const producing = (async () => {
      for (; !isOver; await sleep(500)) await this.#produce(share());
    })();
    while (share() < 1) {
      await this.#trouble();
      await sleep(this.#random.between(100, 2_500));
      this.#restartDead();
      const count = this.#faults.count(...killsAndStops);
      tell(`${this.lives} lives, ${count} kills and stops, ${this.#producer.produced} records`);
    }
    isOver = true;
    await producing;
  }

  /** No more faults: what is left is produced, the engines leave in order, one works off the rest. */
  async settle(): Promise<void> {
    this.#servers.clickhouseFaults.length = 0;
    for (let tries = 0; !(await this.#produce(1)); tries++)
      if (tries > 60) throw new Error('the last records cannot be produced');
    for (const name of instances) await this.#terminate(name);
    this.#options.tell('one engine works off the rest in peace');
    const engine = this.#run('a', ['--until-end']);
    const { code, signal } = await engine.ended;
    if (code !== 0) throw new Error(`the engine ended with ${signal ?? code}: ${engine.lastWords()}`);
  }

  async end(): Promise<void> {
    for (const engine of this.#engines.values()) if (engine.hasEnded === null) await engine.kill();
  }

  /** False when Kafka did not take all; then the same records are sent again, as a producer would. */
  async #produce(share: number): Promise<boolean> {
    this.#unsent.push(...this.#producer.take(share));
    if (this.#unsent.length === 0) return true;
    const { config } = loadConfig([this.#servers.config], { shippedConfigDirectory: '.' });
    try {
      const { writer, close } = await openTopicWriter(config, {
        clock: systemClock,
        log: makeLogger({ level: 'silent', clock: systemClock }),
      });
      await this.#producer.send(this.#unsent, writer).finally(close);
      this.#unsent = [];
      return true;
    } catch (error) {
      this.#faults.note(`producing: ${String(error)}`);
      return false;
    }
  }

  #start(name: string): void {
    this.lives += 1;
    this.#engines.set(name, this.#run(name, []));
  }

  #run(name: string, flags: readonly string[]): EngineProcess {
    const directory = join(this.#options.directory, `engine-${name}`);
    mkdirSync(directory, { recursive: true });
    const logPath = `${directory}.log`;
    return EngineProcess.run(directory, { flags, logPath, config: this.#servers.config });
  }

  /** Whoever was killed comes back; whoever left by itself must have had a reason that waiting mends. */
  #restartDead(): void {
    for (const [name, engine] of this.#engines) {
      const ended = engine.hasEnded;
      if (ended === null || !this.#random.chance(0.7)) continue;
      if (ended.signal !== 'SIGKILL')
        this.#faults.violate(`engine ${name} ended with ${ended.signal ?? ended.code}: ${engine.lastWords()}`);
      this.#start(name);
    }
  }

  async #trouble(): Promise<void> {
    const dice = this.#random.next();
    const name = this.#random.pick(instances);
    if (dice < 0.3) await this.#kill(name);
    else if (dice < 0.5) this.#freeze(name);
    else if (dice < 0.56) await this.#terminateAndRestart(name);
    else if (dice < 0.7) this.#hurtClickHouse();
    else if (dice < 0.78) await this.#hurtWire();
    else if (dice < 0.94) await this.#hurtRedis();
    else await this.#hurtKafka();
  }

  async #kill(name: string): Promise<void> {
    if (this.#engines.get(name)?.hasEnded !== null) return;
    this.#faults.inject('kill the engine', name);
    await this.#engines.get(name)?.kill();
  }

  /** A zombie: when it goes on it does not know that its lanes may be others' by now. */
  #freeze(name: string): void {
    const engine = this.#engines.get(name);
    if (engine === undefined || engine.hasEnded !== null) return;
    const ms = this.#random.chance(0.4) ? this.#random.between(7_000, 12_000) : this.#random.between(200, 3_000);
    this.#faults.inject('stop the engine', `${name} for ${ms} ms`);
    engine.signal('SIGSTOP');
    void sleep(ms).then(() => engine.signal('SIGCONT'));
  }

  async #terminateAndRestart(name: string): Promise<void> {
    this.#faults.inject('terminate', name);
    await this.#terminate(name);
    this.#start(name);
  }

  async #terminate(name: string): Promise<void> {
    const engine = this.#engines.get(name);
    if (engine === undefined || engine.hasEnded !== null) return;
    engine.signal('SIGCONT');
    engine.signal('SIGTERM');
    const ended = await Promise.race([engine.ended, sleep(terminateWithinMs, null, { ref: false })]);
    if (ended === null) this.#faults.violate(`engine ${name} did not end within ${terminateWithinMs} ms of SIGTERM`);
    // A signal that comes before anybody listens ends the process. With its servers gone an engine may
    // leave before everything is delivered, and says so.
    else if (ended.signal !== 'SIGTERM' && ended.code !== 0 && ended.code !== 75)
      this.#faults.violate(`engine ${name} ended with ${ended.signal ?? ended.code}: ${engine.lastWords()}`);
    if (ended === null) await engine.kill();
  }

  #hurtClickHouse(): void {
    const { random, plan } = { random: this.#random, plan: this.#servers.clickhouseFaults };
    if (random.chance(0.2)) {
      this.#faults.inject('kill ClickHouse');
      signalIfThere(this.#servers.clickhouse.pid, 'SIGKILL');
      return;
    }
    const coming = Array.from({ length: random.between(1, 8) }, () =>
      random.pick<Fault>(['drop_before', 'drop_after', 'drop_after', 'busy', 'none']),
    );
    this.#faults.inject('fail calls of ClickHouse', coming.join(' '));
    plan.push(...coming);
  }

  async #hurtWire(): Promise<void> {
    if (this.#random.chance(0.5)) {
      this.#faults.inject('cut the wire to Redis');
      this.#servers.redisWire.cut();
      return;
    }
    const ms = this.#random.between(200, 6_000);
    this.#faults.inject('hold the wire to Redis', `for ${ms} ms`);
    await this.#servers.redisWire.hold(ms);
  }

  async #hurtRedis(): Promise<void> {
    const { stack } = this.#servers;
    const dice = this.#random.next();
    if (dice < 0.4) {
      const cut = await stack.cutAofTail(this.#random.between(1, 200_000));
      this.#faults.inject('cut the tail of Redis', `${cut} bytes`);
    } else if (dice < 0.7) {
      this.#faults.inject('kill Redis');
      await stack.kill('redis-state');
      await sleep(this.#random.between(0, 3_000));
      await stack.start('redis-state');
    } else {
      const ms = this.#random.between(100, 4_000);
      this.#faults.inject('stop Redis', `for ${ms} ms`);
      stack.pause('redis-state');
      await sleep(ms);
      stack.resume('redis-state');
    }
  }

  async #hurtKafka(): Promise<void> {
    const { stack } = this.#servers;
    if (this.#random.chance(0.4)) {
      this.#faults.inject('restart Kafka');
      await stack.restart('kafka');
      return;
    }
    const ms = this.#random.between(300, 8_000);
    this.#faults.inject('stop Kafka', `for ${ms} ms`);
    stack.pause('kafka');
    await sleep(ms);
    stack.resume('kafka');
  }
}
