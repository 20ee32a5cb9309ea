import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineInfo } from '../../src/state/sqlite/data-directory.ts';
import type { Random } from '../simulation/random.ts';
import type { SmallDisk } from './disk.ts';
import { type Ended, EngineProcess, signalIfThere } from './engine-process.ts';
import type { FaultLog } from './fault-log.ts';
import type { Producer } from './producer.ts';

/** Exit code of an engine whose data directory another one holds. */
const lockedCode = 73;
/** Exit codes that say that the world, not the engine, is in trouble: sinks, log, state, waiting helps. */
const troubleCodes: readonly (number | null)[] = [70, 74, 75];
const terminateWithinMs = 40_000;

export interface Stage {
  readonly directory: string;
  readonly disk: SmallDisk;
  readonly random: Random;
  readonly faults: FaultLog;
  readonly producer: Producer;
  readonly logPath: string;
}

/** One life of an engine: it starts, something happens to it while it works, and it comes to its end. */
export class Life {
  readonly #stage: Stage;
  #engine: EngineProcess;
  /** The disk was full in this life, so that the engine may leave by itself. */
  #wasFull = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#engine = this.#start();
  }

  async run(): Promise<void> {
    const { random, faults } = this.#stage;
    if (random.chance(0.15)) {
      await sleep(random.next() * 1_500);
      faults.inject('kill while opening');
      await this.#engine.kill();
      return;
    }
    if (!(await this.#engine.announced())) return this.#checkEnd(await this.#engine.ended, 'while opening');
    await sleep(random.next() ** 2 * 1_500);
    for (let left = random.between(2, 9); left > 0 && this.#engine.hasEnded === null; left--) await this.#trouble();
    await this.#end();
  }

  #start(): EngineProcess {
    return EngineProcess.run(this.#stage.directory, { flags: [], logPath: this.#stage.logPath });
  }

  /** Something that a healthy engine survives. */
  async #trouble(): Promise<void> {
    const { random, disk } = this.#stage;
    const dice = random.next();
    if (dice < 0.3) await this.#pause(this.#engine.pid, 'stop the engine');
    else if (dice < 0.45) await this.#pause(this.#engine.clickhousePid(), 'stop ClickHouse');
    else if (dice < 0.65) await this.#killClickHouse();
    else if (dice < 0.85) await this.#apply();
    else if (dice < 0.95 && disk.whyNot === null) await this.#fillDisk();
    else if (dice >= 0.985) await this.#secondEngine();
    await sleep(random.next() ** 3 * 600);
  }

  async #pause(pid: number | null, fault: string): Promise<void> {
    const { random, faults } = this.#stage;
    if (pid === null || !signalIfThere(pid, 'SIGSTOP')) return;
    const ms = random.chance(0.2) ? random.between(500, 2_500) : random.between(50, 500);
    faults.inject(fault, `for ${ms} ms`);
    await sleep(ms);
    signalIfThere(pid, 'SIGCONT');
  }

  async #killClickHouse(): Promise<void> {
    const pid = this.#engine.clickhousePid();
    if (pid === null || !signalIfThere(pid, 'SIGKILL')) return;
    this.#stage.faults.inject('kill ClickHouse');
    await sleep(this.#stage.random.next() * 500);
  }

  /** Somebody applies a plan through the running engine; whether it got in, the log will say. */
  async #apply(): Promise<void> {
    const { random, producer, faults } = this.#stage;
    const draft = producer.draft(random);
    faults.inject('apply a plan', draft.org_id);
    const answer = await this.#post('/-/apply', JSON.stringify([draft]));
    if (answer !== null && !answer.ok) faults.violate(`a plan is refused: ${await answer.text()}`);
  }

  /** Null when the engine does not answer. */
  async #post(path: string, body: string): Promise<Response | null> {
    try {
      const info = JSON.parse(readFileSync(join(this.#stage.directory, 'engine.json'), 'utf8')) as EngineInfo;
      const headers = { authorization: `Bearer ${info.tokens.http}` };
      return await fetch(`${info.addresses.http}${path}`, { method: 'POST', headers, body });
    } catch (cause) {
      this.#stage.faults.note(`${path}: no answer: ${String(cause)}`);
      return null;
    }
  }

  async #fillDisk(): Promise<void> {
    const { disk, random, faults } = this.#stage;
    const leave = random.pick([0, 4_096, 100_000, 2_000_000]);
    this.#wasFull = true;
    if (!disk.fill(leave)) return;
    faults.inject('fill the disk', `but ${leave} bytes`);
    try {
      await sleep(random.between(300, 3_000));
    } finally {
      disk.free();
    }
  }

  /** A second engine must be refused and name the first, or take over when the first dies meanwhile. */
  async #secondEngine(): Promise<void> {
    const { random, faults } = this.#stage;
    const first = this.#engine;
    const logPath = `${this.#stage.logPath}.second`;
    const second = EngineProcess.run(this.#stage.directory, { flags: [], logPath });
    if (random.chance(0.3)) {
      faults.inject('take over', 'a second engine waits while the first dies');
      await sleep(random.between(500, 8_000));
      await first.kill();
      this.#engine = second;
      if (!(await second.announced())) this.#checkEnd(await second.ended, 'taking over');
      return;
    }
    faults.inject('start a second engine');
    const { code } = await second.ended;
    if (code !== lockedCode) faults.violate(`a second engine ended with ${code}: ${second.lastWords()}`);
    else if (!second.lastWords().includes(`process ${first.pid}`))
      faults.violate(`a second engine does not name process ${first.pid}: ${second.lastWords()}`);
  }

  async #end(): Promise<void> {
    const { random, faults } = this.#stage;
    const early = this.#engine.hasEnded;
    if (early !== null) return this.#checkEnd(early, 'by itself');
    const dice = random.next();
    if (dice < 0.75) {
      faults.inject('kill the engine');
      await this.#engine.kill();
    } else if (dice < 0.83) await this.#killWhileStopped();
    else {
      faults.inject('terminate');
      this.#engine.signal('SIGTERM');
      if (random.chance(0.4)) {
        await sleep(random.next() * 400);
        faults.inject('kill while draining');
        await this.#engine.kill();
      } else await this.#checkTerminated();
    }
  }

  async #killWhileStopped(): Promise<void> {
    const { faults, random } = this.#stage;
    faults.inject('kill while stopped');
    this.#engine.signal('SIGSTOP');
    await sleep(random.next() * 300);
    await this.#engine.kill();
  }

  /** SIGTERM drains and ends with 0, within its deadline. */
  async #checkTerminated(): Promise<void> {
    const ended = await Promise.race([this.#engine.ended, sleep(terminateWithinMs, null, { ref: false })]);
    if (ended !== null) return this.#checkEnd(ended, 'after SIGTERM');
    this.#stage.faults.violate(`SIGTERM did not end the engine within ${terminateWithinMs} ms`);
    await this.#engine.kill();
  }

  #checkEnd({ code, signal }: Ended, when: string): void {
    const { faults } = this.#stage;
    faults.note(`ended ${when} with ${signal ?? code}`);
    if (code === 0 && when === 'after SIGTERM') return;
    if (this.#wasFull && troubleCodes.includes(code)) {
      faults.inject('left because the disk was full', `with ${code}`);
      return;
    }
    faults.violate(`the engine ended ${when} with ${signal ?? code}: ${this.#engine.lastWords()}`);
  }
}
