import type { BronzeFault } from './bronze-faults.ts';
import type { BronzeRun } from './run-bronze-world.ts';

/** Whoever is silent for longer is out of the group. */
const sessionMs = 800;

/** Makes one fault happen. */
export function strikeBronze(fault: BronzeFault, run: BronzeRun): void {
  const { servers, scheduler, weather, tools } = run;
  const { catalog, objects, log, group } = servers;
  const later = (end: () => void) => scheduler.after('forMs' in fault ? fault.forMs : 0, end);
  switch (fault.kind) {
    case 'kill':
      return kill(run, fault.slot, fault.downMs);
    case 'kill_in_commit':
      return inCommit(run, fault.slot, 'afterCommit', () =>
        // The request is on its way; somewhere before its answer the process is gone.
        scheduler.after(fault.downMs % 12, () => kill(run, fault.slot, fault.downMs)),
      );
    case 'freeze':
      return freeze(run, fault.slot, fault.forMs);
    case 'freeze_in_commit':
      return inCommit(run, fault.slot, 'beforeLoad', () => freeze(run, fault.slot, fault.forMs));
    case 'restart':
      return run.slots[fault.slot]?.stop();
    case 'rebalance':
      return group.rebalance(fault.patienceMs);
    case 'split_brain':
      group.split();
      return later(() => group.rebalance());
    case 'storm':
      weather.isStormy = true;
      return later(() => {
        weather.isStormy = false;
      });
    case 'catalog_down':
      catalog.isDown = true;
      return later(() => {
        catalog.isDown = false;
      });
    case 'conflicts':
      catalog.isRefusing = true;
      return later(() => {
        catalog.isRefusing = false;
      });
    case 'objects_down':
      objects.isDown = true;
      return later(() => {
        objects.isDown = false;
      });
    case 'objects_slow':
      objects.isSlow = true;
      return later(() => {
        objects.isSlow = false;
      });
    case 'objects_cut':
      objects.isCutting = true;
      return later(() => {
        objects.isCutting = false;
      });
    case 'compaction':
      return tools.compact();
    case 'expiry':
      return tools.expire(fault.keep);
    case 'properties':
      return keepSetting(run, fault.times);
    case 'log_down':
      log.isDown = true;
      return later(() => {
        log.isDown = false;
      });
    case 'offset_gap':
      return log.skip(fault.partition, fault.offsets);
  }
}

function kill(run: BronzeRun, slot: number, downMs: number): void {
  if (run.slots[slot] === null) return;
  run.killEngine(slot);
  run.scheduler.after(downMs, () => {
    if (run.slots[slot] === null) run.startEngine(slot);
  });
}

function freeze(run: BronzeRun, slot: number, forMs: number): void {
  const engine = run.slots[slot];
  if (engine === null) return;
  engine.process.stopFor(forMs);
  if (forMs > sessionMs) run.scheduler.after(sessionMs, () => run.servers.group.expel(engine.process));
}

function inCommit(run: BronzeRun, slot: number, when: 'beforeLoad' | 'afterCommit', happen: () => void): void {
  const engine = run.slots[slot];
  if (engine !== null) engine[when] = happen;
}

function keepSetting(run: BronzeRun, times: number): void {
  run.tools.setProperty('comment', `${times} more times`);
  if (times > 0) run.scheduler.after(12, () => keepSetting(run, times - 1));
}
