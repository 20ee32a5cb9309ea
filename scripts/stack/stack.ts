import { listAddresses, type StackAddresses } from './addresses.ts';
import { findMissing } from './install.ts';
import { cutAofTail, emptyData, killPart, signalPart, startPart, stopPart, stopParts } from './lifecycle.ts';
import { type PartName, partNames, type StackPlace } from './part.ts';
import { usualParts } from './parts.ts';
import { chooseDir } from './places.ts';
import { type Ports, portDefaults } from './ports.ts';
import { waitUntilLogIsWritten } from './redis.ts';
import { StackError } from './stack-error.ts';
import { isPartAlive, readState, withLock } from './stack-state.ts';

/** A running stack in the hands of a test or of the command. */
export interface Stack {
  readonly dir: string;
  readonly addresses: StackAddresses;
  /** The parts that this call started: whoever started them stops them. */
  readonly started: readonly PartName[];
  /** Ends a part as a crash would. */
  kill(part: PartName): Promise<void>;
  /** Starts a part that was killed, over the data that it left. */
  start(part: PartName): Promise<void>;
  /** Stops a part in order and starts it over the same data. */
  restart(part: PartName): Promise<void>;
  /** Freezes a part: connections stay open, nobody answers. */
  pause(part: PartName): void;
  resume(part: PartName): void;
  /** Kills the state Redis, cuts bytes off its log, starts it. Returns the bytes that were cut. */
  cutAofTail(bytes: number): Promise<number>;
  /** Kills a part, removes its data, starts it empty. */
  wipe(part: PartName): Promise<void>;
  /** Stops what this call started. */
  stop(): Promise<void>;
}

export interface StackOptions {
  readonly dir?: string;
  readonly ports?: Ports;
  /** Parts that do not run start without the data of earlier runs. */
  readonly fresh?: boolean;
  readonly tell?: (line: string) => void;
}

/**
 * Attaches to the stack of the folder and starts the parts that do not run.
 * @throws StackError with what to do when something is missing, a port is taken or a part does not start.
 */
export async function startStack(parts: readonly PartName[] = usualParts, options: StackOptions = {}): Promise<Stack> {
  const dir = chooseDir(options.dir);
  const missing = findMissing(dir, parts);
  if (missing.length > 0) throw new StackError(`not installed: ${missing.join(', ')}; run "npm run stack -- install"`);
  return await withLock(dir, async () => {
    const place = { dir, ports: choosePorts(dir, options.ports) };
    const started: PartName[] = [];
    try {
      for (const part of partNames.filter((name) => parts.includes(name))) {
        const begun = Date.now();
        if (options.fresh && !isPartAlive(readState(dir), part)) emptyData(place, part);
        const isNew = await startPart(place, part);
        if (isNew) started.push(part);
        options.tell?.(
          isNew ? `${part} serves after ${((Date.now() - begun) / 1000).toFixed(1)} s` : `${part} already serves`,
        );
      }
    } catch (error) {
      await stopParts(place, started);
      throw error;
    }
    return makeStack(place, started);
  });
}

/** Attaches to a stack that runs already; throws StackError when one of the named parts does not. */
export function attachStack(parts: readonly PartName[] = usualParts, dir?: string): Stack {
  const chosen = chooseDir(dir);
  const state = readState(chosen);
  const down = parts.filter((part) => !isPartAlive(state, part));
  if (!state || down.length > 0)
    throw new StackError(`not running: ${down.join(', ') || 'the stack'}; start it with "npm run stack"`);
  return makeStack({ dir: chosen, ports: state.ports }, []);
}

/** The ports of a stack that runs are a fact; asking for others is a mistake to tell. */
export function choosePorts(dir: string, asked?: Ports): Ports {
  const state = readState(dir);
  if (!state || !partNames.some((part) => isPartAlive(state, part))) return asked ?? portDefaults;
  const others = asked ? Object.entries(asked).filter(([name, port]) => state.ports[name as keyof Ports] !== port) : [];
  if (others.length > 0)
    throw new StackError(
      `a stack already runs in this folder with other ports (${others[0][0]}); stop it or choose --dir`,
    );
  return state.ports;
}

export function makeStack(place: StackPlace, started: readonly PartName[]): Stack {
  const locked = <T>(work: () => Promise<T>) => withLock(place.dir, work);
  const start = async (part: PartName) => {
    await startPart(place, part);
  };
  return {
    dir: place.dir,
    addresses: listAddresses(place),
    started,
    kill: (part) => locked(() => killPart(place, part)),
    start: (part) => locked(() => start(part)),
    restart: (part) =>
      locked(async () => {
        await stopPart(place, part);
        await start(part);
      }),
    pause: (part) => signalPart(place, part, 'SIGSTOP'),
    resume: (part) => signalPart(place, part, 'SIGCONT'),
    cutAofTail: (bytes) =>
      locked(async () => {
        await waitUntilLogIsWritten(place.ports['redis-state']);
        await killPart(place, 'redis-state');
        const cut = cutAofTail(place, bytes);
        await start('redis-state');
        return cut;
      }),
    wipe: (part) =>
      locked(async () => {
        await killPart(place, part);
        emptyData(place, part);
        await start(part);
      }),
    stop: () => locked(() => stopParts(place, started)),
  };
}
