import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Who listens on a TCP port of this machine. */
interface PortHolder {
  readonly pid: number;
  readonly command: string;
}

const listening = '0A';

/**
 * Looks the holder up in /proc (Linux). Undefined where there is no /proc, or where the holder is
 * another user's process that we may not look into.
 */
export function findPortHolder(port: number): PortHolder | undefined {
  const inodes = new Set([...listeningInodes('/proc/net/tcp', port), ...listeningInodes('/proc/net/tcp6', port)]);
  if (inodes.size === 0) return undefined;
  for (const pid of listOrNothing('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of listOrNothing(`/proc/${pid}/fd`)) {
      const target = linkOrNothing(`/proc/${pid}/fd/${descriptor}`);
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode && inodes.has(inode)) return { pid: Number(pid), command: commandOf(pid) };
    }
  }
  return undefined;
}

/** "pid 4711 (node src/main.ts run)", or words that say that we could not see it. */
export function describePortHolder(port: number): string {
  const holder = findPortHolder(port);
  return holder ? `pid ${holder.pid} (${holder.command})` : 'a process that we may not look into';
}

function listeningInodes(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return textOrNothing(table)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === listening && fields[1]?.endsWith(`:${wanted}`))
    .map((fields) => fields[9]);
}

function commandOf(pid: string): string {
  const words = textOrNothing(`/proc/${pid}/cmdline`).split('\0').filter(Boolean).join(' ');
  return words.length > 80 ? `${words.slice(0, 77)}...` : words;
}

// Processes come and go while we look, and others' are closed to us: both mean "nothing to see".
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
function textOrNothing(path: string): string {
  return attempt(() => readFileSync(path, 'utf8'), '');
}
function listOrNothing(path: string): string[] {
  return attempt(() => readdirSync(path), []);
}
function linkOrNothing(path: string): string {
  return attempt(() => readlinkSync(path), '');
}
