import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import type { PartName } from '../../scripts/stack/part.ts';
import { chooseDir, downloadsDir } from '../../scripts/stack/places.ts';
import { type Ports, portDefaults } from '../../scripts/stack/ports.ts';
import { type Stack, startStack } from '../../scripts/stack/stack.ts';

/** Servers on free ports with data of their own, for whoever wants to hurt them. */
export async function startOwnStack(
  dir: string,
  parts: readonly PartName[],
  tell: (line: string) => void,
): Promise<Stack> {
  mkdirSync(dir, { recursive: true });
  const downloads = downloadsDir(chooseDir());
  // What the usual stack has fetched serves this one too.
  if (existsSync(downloads) && !existsSync(downloadsDir(dir))) symlinkSync(downloads, downloadsDir(dir));
  return await startStack(parts, { dir, ports: await freePorts(), fresh: true, tell });
}

async function freePorts(): Promise<Ports> {
  const names = Object.keys(portDefaults);
  const servers = names.map(() => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return Object.fromEntries(names.map((name, index) => [name, ports[index]])) as Ports;
}
