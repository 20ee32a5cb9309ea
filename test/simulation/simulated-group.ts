import type { AssignmentListener, LaneAssignment } from '../../src/sources/source.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimulatedProcess } from './simulated-process.ts';

interface Member {
  readonly process: SimulatedProcess;
  readonly listener: AssignmentListener;
  lanes: readonly number[];
}

/** How long the group waits for a member to finish its commits before it gives a lane away. */
const patienceMs = 300;

/**
 * A consumer group: it gives every lane to one of its members and takes it away again. A member that is
 * silent for too long loses its lanes without being asked, and hears of it only when it is awake again:
 * until then it is a zombie, and both believe that the lane is theirs.
 */
export class SimulatedGroup {
  readonly #partitions: number;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  #members: Member[] = [];
  #generation = 0;

  constructor(partitions: number, scheduler: Scheduler, random: Random) {
    this.#partitions = partitions;
    this.#scheduler = scheduler;
    this.#random = random;
  }

  /** A process's membership. */
  join(process: SimulatedProcess): LaneAssignment {
    let member: Member | null = null;
    return {
      start: async (listener) => {
        const joining: Member = { process, listener, lanes: [] };
        member = joining;
        this.#scheduler.after(this.#random.between(5, 200), () => {
          if (process.isDead || member === null) return;
          this.#members.push(joining);
          this.rebalance();
        });
      },
      stop: async () => {
        if (member !== null) this.#leave(member);
        member = null;
      },
    };
  }

  /** The coordinator misses this process from now on; its lanes go to others. */
  expel(process: SimulatedProcess): void {
    const member = this.#members.find((each) => each.process === process);
    if (member === undefined) return;
    this.#members = this.#members.filter((each) => each !== member);
    this.#tell(member, []);
    this.rebalance(0);
    if (process.isDead) return;
    // What was only asleep hears that it is out, and joins again.
    process.receive(this.#random.between(20, 600), () => {
      this.#members.push(member);
      this.rebalance();
    });
  }

  /** Deals all lanes anew; those that move are asked back first, for as long as the patience lasts. */
  rebalance(patience = patienceMs, deal = this.#deal()): void {
    this.#generation += 1;
    const generation = this.#generation;
    let waiting = 1;
    // A member hears in order: what it was asked before a newer deal never comes after that.
    const isOver = () => waiting <= 0 || generation !== this.#generation;
    const go = () => {
      waiting -= 1;
      if (waiting > 0 || generation !== this.#generation) return;
      for (const [member, lanes] of deal) this.#tell(member, lanes);
    };
    for (const [member, lanes] of deal) {
      const lost = member.lanes.filter((lane) => !lanes.includes(lane));
      if (lost.length === 0 || patience === 0) continue;
      waiting += 1;
      member.process.receive(this.#random.between(1, 40), () => {
        if (isOver()) return;
        member.listener.revoking(lost).then(() => this.#scheduler.after(this.#random.between(1, 20), once));
      });
      let isDone = false;
      const once = () => {
        if (!isDone) go();
        isDone = true;
      };
      this.#scheduler.after(patience, once);
    }
    go();
  }

  /** For a while two members hold every lane: what a coordinator that split in two would do. */
  split(): void {
    this.#generation += 1;
    const all = Array.from({ length: this.#partitions }, (_, partition) => partition);
    for (const member of this.#members) this.#tell(member, all);
  }

  #deal(): Map<Member, number[]> {
    const deal = new Map<Member, number[]>(this.#members.map((member) => [member, []]));
    if (this.#members.length === 0) return deal;
    const first = this.#random.between(0, this.#members.length - 1);
    for (let lane = 0; lane < this.#partitions; lane++) {
      deal.get(this.#members[(first + lane) % this.#members.length])?.push(lane);
    }
    return deal;
  }

  /** Somebody left, and the others keep what they have: the one that drains now has nobody to hand it to. */
  #dealLeft(): Map<Member, number[]> {
    const deal = new Map<Member, number[]>(this.#members.map((member) => [member, [...member.lanes]]));
    const held = new Set(this.#members.flatMap(({ lanes }) => lanes));
    for (let lane = 0; lane < this.#partitions; lane++) {
      if (!held.has(lane) && this.#members.length > 0) deal.get(this.#random.pick(this.#members))?.push(lane);
    }
    return deal;
  }

  #tell(member: Member, lanes: readonly number[]): void {
    member.lanes = lanes;
    member.process.receive(this.#random.between(1, 80), () => {
      // An assignment that was overtaken by a newer one never arrives.
      if (member.lanes === lanes) member.listener.assigned(lanes);
    });
  }

  #leave(member: Member): void {
    this.#members = this.#members.filter((each) => each !== member);
    this.#scheduler.after(this.#random.between(1, 40), () => this.rebalance(patienceMs, this.#dealLeft()));
  }
}
