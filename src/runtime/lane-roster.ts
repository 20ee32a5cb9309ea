import { assert } from '../model/errors.ts';
import { publishFact } from '../model/facts.ts';
import { laneName } from '../model/lane.ts';
import { LaneRunner, type LaneRunnerPorts } from './lane-runner.ts';

/** Somebody waits until these lanes have committed. */
interface Revoke {
  readonly lanes: readonly LaneRunner[];
  readonly resolve: () => void;
}

/** Which lanes are ours at the moment, and who waits for one of them to let go. */
export class LaneRoster {
  /** Ours, in order of partition. */
  lanes: readonly LaneRunner[] = [];
  /** True once somebody said which lanes are ours, be it none. */
  isAssigned = false;
  readonly #topic: string;
  readonly #ports: LaneRunnerPorts;
  /** Every lane that ever was ours. */
  readonly #known = new Map<number, LaneRunner>();
  #revokes: Revoke[] = [];

  constructor(topic: string, ports: LaneRunnerPorts) {
    this.#topic = topic;
    this.#ports = ports;
  }

  get partitions(): ReadonlySet<number> {
    return new Set(this.lanes.map(({ partition }) => partition));
  }

  /** These lanes, and no others, are ours; `partitions` is how many the stream has. */
  assign(ours: readonly number[], partitions: number): void {
    for (const lane of this.lanes) if (!ours.includes(lane.partition)) lane.release();
    this.lanes = [...new Set(ours)].sort((a, b) => a - b).map((partition) => this.#laneOf(partition, partitions));
    for (const lane of this.lanes) lane.adopt();
    this.isAssigned = true;
    publishFact('lanes.assigned', { topic: this.#topic, partitions: ours });
    this.answerRevokes();
  }

  /** Resolves when all that these lanes applied is committed: until then a next owner would replay it. */
  revoke(partitions: readonly number[]): Promise<void> {
    const lanes = this.lanes.filter(({ partition }) => partitions.includes(partition));
    for (const lane of lanes) lane.isRevoking = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#revokes.push({ lanes, resolve });
    return promise;
  }

  /** Nobody waits for any of these lanes, and none is to be let go. */
  get isUnhurried(): boolean {
    return this.#revokes.length === 0 && this.lanes.every((lane) => lane.isUnhurried);
  }

  /** To be called whenever a commit may have ended. */
  answerRevokes(): void {
    this.#revokes = this.#revokes.filter(({ lanes, resolve }) => {
      if (!lanes.every(isQuiet)) return true;
      resolve();
      return false;
    });
  }

  /** Nobody commits any more. */
  giveUp(): void {
    for (const { resolve } of this.#revokes) resolve();
    this.#revokes = [];
  }

  #laneOf(partition: number, partitions: number): LaneRunner {
    let lane = this.#known.get(partition);
    if (lane === undefined) {
      const name = laneName({ topic: this.#topic, partition });
      assert(partition < partitions, `lane ${name} exists`);
      lane = new LaneRunner(partition, name, this.#ports);
      this.#known.set(partition, lane);
    }
    return lane;
  }
}

function isQuiet({ session, isOwned, isRevoking }: LaneRunner): boolean {
  return !isOwned || !isRevoking || session === null || !(session.isDirty || session.isStoreBusy);
}
