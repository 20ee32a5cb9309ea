import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

/** Linux counts processor time of processes in hundredths of a second. */
const ticksPerSecond = 100;

/** Processor seconds of a process and of the children it has waited for. */
export function cpuSecondsOf(pid: number): number {
  return readStat(`/proc/${pid}/stat`, [11, 12, 13, 14]).seconds;
}

/** Processor seconds of the threads of this process, by name; threads that ended are not in it. */
export function cpuSecondsByThread(): Record<string, number> {
  const byName: Record<string, number> = {};
  for (const thread of readdirSync('/proc/self/task')) {
    const { name, seconds } = readStat(`/proc/self/task/${thread}/stat`, [11, 12]);
    byName[name] = (byName[name] ?? 0) + seconds;
  }
  return byName;
}

function readStat(path: string, fields: readonly number[]): { name: string; seconds: number } {
  const stat = readFileSync(path, 'utf8');
  // The name stands in parentheses and may hold spaces; the fields that count come after it.
  const end = stat.lastIndexOf(')');
  const values = stat.slice(end + 2).split(' ');
  const ticks = fields.reduce((sum, field) => sum + Number(values[field]), 0);
  return { name: stat.slice(stat.indexOf('(') + 1, end), seconds: ticks / ticksPerSecond };
}

export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

/** Most memory that this process ever had resident, MiB. */
export function peakRssMb(): number {
  const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Math.round(Number(found?.[1]) / 1_024);
}

/** What a figure's reader must know of the machine; no name of it. */
export function describeMachine(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${cores.length} cores of ${cores[0]?.model.trim() ?? 'an unknown processor'}, ${memory} GiB, ${process.platform}, Node ${process.versions.node}`;
}

/** Above this, other work takes processor time and the wall figures mean little. */
export function isBusy(): boolean {
  return loadavg()[0] > cpus().length * 0.25;
}
