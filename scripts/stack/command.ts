import { setTimeout as sleep } from 'node:timers/promises';
import { listAddresses } from './addresses.ts';
import { findMissing, type InstallName, install, installNames } from './install.ts';
import { stopParts } from './lifecycle.ts';
import { type PartName, partNames } from './part.ts';
import { readParts, usualParts } from './parts.ts';
import { chooseDir, logPath } from './places.ts';
import { readPorts } from './ports.ts';
import { readTail } from './processes.ts';
import { attachStack, choosePorts, type Stack, startStack } from './stack.ts';
import { StackError } from './stack-error.ts';
import { isPartAlive, readState, withLock } from './stack-state.ts';

export interface Flags {
  readonly dir?: string | undefined;
  readonly install: boolean;
  readonly fresh: boolean;
  readonly detach: boolean;
  readonly json: boolean;
  readonly port: readonly string[];
  readonly parts?: string | undefined;
  readonly help: boolean;
}

const help = `The servers that Paceline runs on in production, here on loopback, without Docker.

  npm run stack                      start what does not run, print addresses, stop all at Ctrl+C
  npm run stack -- --install         fetch what is missing first (apt-get, mvn, pip)
  npm run stack -- install           fetch what is missing, start nothing
  npm run stack -- --detach          start and leave running
  npm run stack -- status            what runs where (--json for programs)
  npm run stack -- stop [PART ...]   stop all, or parts
  npm run stack -- restart PART      stop a part in order and start it over its data
  npm run stack -- kill PART         end a part as a crash would
  npm run stack -- --json            addresses and credentials of a running stack

  --parts A,B   only these of ${partNames.join(', ')}; install also knows browser
  --port NAME=N another port; --dir FOLDER another scratch folder; --fresh start without earlier data
`;

const say = (line: string) => process.stdout.write(`${line}\n`);
/** Progress is no result: it goes where it does not mix with JSON. */
const tell = (line: string) => process.stderr.write(`${line}\n`);

/** Runs one word of the command; returns the exit code. */
export async function runCommand(word: string, words: readonly string[], flags: Flags): Promise<number> {
  if (flags.help || word === 'help') {
    say(help);
    return 0;
  }
  const dir = chooseDir(flags.dir);
  if (word === 'start') return await start(dir, flags);
  if (word === 'install') return await withLock(dir, () => install(dir, wantedInstalls(flags), tell)).then(() => 0);
  if (word === 'status') return printStatus(dir, flags.json);
  if (word === 'stop') return await stop(dir, words);
  if (word === 'restart' || word === 'kill') {
    const named = readParts(words);
    if (named.length === 0) throw new StackError(`name a part: npm run stack -- ${word} ${partNames[0]}`);
    for (const part of named) await attachStack([], dir)[word](part);
    return 0;
  }
  throw new StackError(`there is no word "${word}"; see "npm run stack -- help"`);
}

function wantedParts(flags: Flags, otherwise: readonly PartName[]): readonly PartName[] {
  return flags.parts === undefined ? otherwise : readParts(flags.parts.split(','));
}

/** Beside servers, the browser that tests look at pages with. */
function wantedInstalls({ parts }: Flags): readonly InstallName[] {
  if (parts === undefined) return installNames;
  const words = parts.split(',');
  const servers = readParts(words.filter((word) => word !== 'browser'));
  return words.includes('browser') ? [...servers, 'browser'] : servers;
}

async function start(dir: string, flags: Flags): Promise<number> {
  const wanted = wantedParts(flags, usualParts);
  if (flags.install) await withLock(dir, () => install(dir, wanted, tell));
  const missing = findMissing(dir, wanted);
  if (missing.length > 0)
    throw new StackError(`not installed: ${missing.join(', ')}; fetch it with "npm run stack -- install"`);
  const ports = flags.port.length > 0 ? { ports: readPorts(flags.port) } : {};
  const stack = await startStack(wanted, { dir, ...ports, fresh: flags.fresh, tell });
  printAddresses(stack, flags.json);
  if (flags.detach || stack.started.length === 0) return 0;
  tell('Ctrl+C stops it.');
  return await watch(dir, stack);
}

function printAddresses(stack: Stack, json: boolean): void {
  if (json) return void say(JSON.stringify(stack.addresses, undefined, 2));
  for (const [part, address] of Object.entries(stack.addresses))
    for (const [key, value] of Object.entries(address))
      say(`${part}.${key}`.padEnd(24) + (typeof value === 'object' ? `${value.user} / ${value.password}` : value));
}

/** Stays until a signal comes or all is stopped from elsewhere; tells every part that ends unasked. */
async function watch(dir: string, stack: Stack): Promise<number> {
  const told = new Set<PartName>();
  let signalled = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => (signalled = true));
  while (!signalled) {
    await sleep(250);
    const state = readState(dir);
    if (!state || stack.started.every((part) => state.parts[part] === undefined)) return 0;
    for (const part of stack.started) {
      const mark = state.parts[part];
      if (mark?.wanted !== 'up' || isPartAlive(state, part)) told.delete(part);
      else if (!told.has(part)) {
        told.add(part);
        tell(`${part} ended by itself; the end of its log:\n${readTail(logPath(dir, part))}`);
        tell(`start it again: npm run stack -- --detach --parts ${part}`);
      }
    }
  }
  tell('stopping ...');
  await stack.stop();
  return told.size > 0 ? 1 : 0;
}

function printStatus(dir: string, json: boolean): number {
  const state = readState(dir);
  const running = partNames.filter((part) => isPartAlive(state, part));
  const place = { dir, ports: choosePorts(dir) };
  if (json) say(JSON.stringify({ running, addresses: listAddresses(place) }, undefined, 2));
  else
    for (const part of partNames) {
      const mark = state?.parts[part];
      const crashed = mark?.wanted === 'up' && !running.includes(part);
      say(
        `${part.padEnd(14)} ${running.includes(part) ? `runs (process ${mark?.pid})` : crashed ? 'ENDED BY ITSELF' : 'stopped'}`,
      );
    }
  return running.length > 0 ? 0 : 3;
}

async function stop(dir: string, words: readonly string[]): Promise<number> {
  const named = words.length > 0 ? readParts(words) : partNames;
  await withLock(dir, async () => await stopParts({ dir, ports: choosePorts(dir) }, named));
  return 0;
}
