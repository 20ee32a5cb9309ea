import { partitionOfKey } from '../../../src/model/hash.ts';
import { floorTo, minuteMs } from '../../../src/model/time.ts';
import { tables } from '../../../src/rows/tables.ts';
import { brokenCampaign } from './bugs.ts';
import type { Fault } from './faults.ts';
import { forgePlan } from './forge-plan.ts';
import type { UniverseRun } from './run-universe.ts';
import { dilation, duplicateWindowMs } from './traffic.ts';

/** Makes one fault happen. */
export function strike(fault: Fault, run: UniverseRun): void {
  const { servers, scheduler, weather } = run;
  switch (fault.kind) {
    case 'kill':
      return kill(run, fault.slot, fault.downMs);
    case 'freeze':
      return freeze(run, fault.slot, fault.forMs);
    case 'rebalance':
      return servers.group.rebalance(fault.patienceMs);
    case 'split_brain':
      servers.group.split();
      return scheduler.after(fault.forMs, () => servers.group.rebalance());
    case 'storm':
      weather.isStormy = true;
      return scheduler.after(fault.forMs, () => {
        weather.isStormy = false;
      });
    case 'store_rollback':
      return servers.store.rollBack(lanesOf(run, fault.lane), fault.writes);
    case 'stale_claim':
      return servers.store.claimAgain(`${servers.log.topic}:${fault.lane}`, fault.back);
    case 'store_loss':
      return run.startsEmpty ? servers.store.forgetAll() : servers.store.loseAll();
    case 'store_down':
      return during(run, fault.forMs, (isOn) => {
        servers.store.isDown = isOn;
      });
    case 'store_full':
      return during(run, fault.forMs, (isOn) => {
        servers.store.isFull = isOn;
      });
    case 'warehouse_down':
      return during(run, fault.forMs, (isOn) => {
        servers.warehouse.isDown = isOn;
      });
    case 'warehouse_busy':
      return during(run, fault.forMs, (isOn) => {
        servers.warehouse.isBusy = isOn;
      });
    case 'warehouse_cut':
      servers.warehouse.isCut = true;
      return;
    case 'merge':
      for (const { name } of tables) servers.warehouse.merge(name);
      return;
    case 'topics_down':
      return during(run, fault.forMs, (isOn) => {
        servers.alertTopic.isDown = isOn;
        servers.letterTopic.isDown = isOn;
      });
    case 'log_down':
      return during(run, fault.forMs, (isOn) => {
        servers.log.isDown = isOn;
      });
    case 'offset_gap':
      return servers.log.skip(fault.lane, fault.offsets);
    case 'retention':
      return trimLog(run);
    case 'tick_gap':
      for (let slot = 0; slot < run.slots.length; slot++) kill(run, slot, fault.forMs);
      return;
    case 'damaged_batch':
      return servers.log.appendDamaged(fault.lane, fault.records);
    case 'poisonous_record':
      servers.log.append(fault.lane, { key: Buffer.from('org_a'), value: poison });
      return;
    case 'stumble':
      return servers.bugs.strike(fault.lane);
    case 'broken_record':
      return appendBroken(run, fault.lane);
    case 'forged_plan':
      return forgePlan(run, fault.lane, fault.how);
    case 'noisy_tenant':
      return beNoisy(run, fault.lane, fault.records);
    case 'log_cut':
      return run.cutLog(fault.lane, fault.records, fault.isRestarted);
    case 'topic_recreated':
      return recreate(run);
  }
}

/** Lists in lists, twenty thousand deep, where an id is expected. */
const poison = Buffer.from(`{"type":"click","org_id":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);

/** A click like any other, but for what the program does over it. */
function appendBroken({ servers: { log }, elapsedMs, universe }: UniverseRun, lane: number): void {
  const event_time = Math.floor(universe.beginsAt + elapsedMs * dilation);
  const org_id = ownOrg('stumbling', lane, log.partitionCount);
  const event_id = log.bounds(lane).end.toString(16).padStart(32, 'b');
  const about = { campaign_id: brokenCampaign, source: 'x', currency: 'USD', cost_micros: 1_000 };
  const value = JSON.stringify({ type: 'click', event_id, org_id, event_time, ...about });
  log.append(lane, { key: Buffer.from(org_id), value: Buffer.from(value) });
}

/** Every other record opens a campaign; the rest is rubbish. */
function beNoisy({ servers: { log }, elapsedMs, universe }: UniverseRun, lane: number, records: number): void {
  const event_time = Math.floor(universe.beginsAt + elapsedMs * dilation);
  const org = ownOrg('noisy', lane, log.partitionCount);
  for (let n = 0; n < records; n++) {
    const event_id = `${Math.floor(elapsedMs).toString(16)}${n.toString(16).padStart(6, '0')}`.padStart(32, 'f');
    const click = { type: 'click', event_id, org_id: org, campaign_id: `n${n}`, event_time, source: 'x' };
    const value = n % 2 === 0 ? JSON.stringify({ ...click, currency: 'USD', cost_micros: 1_000 }) : `rubbish ${n}`;
    log.append(lane, { key: Buffer.from(org), value: Buffer.from(value) });
  }
}

/** An organization of a partition that no other producer speaks for. */
function ownOrg(name: string, partition: number, partitions: number): string {
  for (let n = 0; ; n++) {
    const key = Buffer.from(`${name}-${n}`);
    if (partitionOfKey(key, 0, key.length, partitions) === partition) return key.toString();
  }
}

function kill(run: UniverseRun, slot: number, downMs: number): void {
  if (run.slots[slot] === null) return;
  run.killEngine(slot);
  run.scheduler.after(downMs, () => {
    if (run.slots[slot] === null && !run.isRecreated) run.startEngine(slot);
  });
}

/** Whoever is silent for longer than a session loses its lanes. */
function freeze(run: UniverseRun, slot: number, forMs: number): void {
  const engine = run.slots[slot];
  if (engine === null) return;
  engine.process.stopFor(forMs);
  if (forMs > sessionMs) run.scheduler.after(sessionMs, () => run.servers.group.expel(engine.process));
}

const sessionMs = 800;

function lanesOf(run: UniverseRun, lane: number | null): string[] {
  const { topic, partitionCount: partitions } = run.servers.log;
  if (lane !== null) return [`${topic}:${lane}`];
  return Array.from({ length: partitions }, (_, partition) => `${topic}:${partition}`);
}

function during(run: UniverseRun, forMs: number, set: (isOn: boolean) => void): void {
  set(true);
  run.scheduler.after(forMs, () => set(false));
}

/** Marks stand so far apart (src/lane/clock-marks.ts). */
const markMs = minuteMs;

/** Keeps what the oldest state that may come back still needs: its duplicates reach back 15 minutes of the clock (the plans say so), and a mark. */
function trimLog(run: UniverseRun): void {
  const { log, store } = run.servers;
  for (let partition = 0; partition < log.partitionCount; partition++) {
    const before = log.read(partition, 0, Number.POSITIVE_INFINITY, store.settleFloor(`${log.topic}:${partition}`));
    let clock = Number.NEGATIVE_INFINITY;
    const clocks = before.map(({ logTimeMs }) => (clock = Math.max(clock, logTimeMs)));
    const horizon = clock - duplicateWindowMs - 2 * markMs;
    // The last span between marks that lies before the horizon is needed whole.
    const last = clocks.findLast((each) => each < horizon) ?? Number.NEGATIVE_INFINITY;
    const older = clocks.filter((each) => each < floorTo(last, markMs)).length;
    if (older > 0) log.trim(partition, before[older - 1].offset);
  }
}

function recreate(run: UniverseRun): void {
  const { log } = run.servers;
  run.isRecreated = true;
  for (let slot = 0; slot < run.slots.length; slot++) run.killEngine(slot);
  log.recreate('topic 2');
  for (let slot = 0; slot < run.slots.length; slot++) run.startEngine(slot);
}
