import type { Ports } from './ports.ts';

/** In starting order; stopping goes the other way round. */
export const partNames = [
  'redis-state',
  'redis-cache',
  'postgres',
  'kafka',
  'registry',
  'alertmanager',
  'prometheus',
  's3',
  'iceberg-rest',
] as const;
export type PartName = (typeof partNames)[number];

/** What a part may know about the stack that it belongs to. */
export interface StackPlace {
  /** The scratch folder: downloads, data, logs and the state file live under it. */
  readonly dir: string;
  readonly ports: Ports;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The user to become, where the server refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly env?: Readonly<Record<string, string>>;
}

/** One server of the stack. All its methods may be called again. */
export interface Part {
  readonly name: PartName;
  readonly ports: readonly (keyof Ports)[];
  /** Writes configuration and makes the data directory when it is new. */
  prepare(place: StackPlace): Promise<void>;
  command(place: StackPlace): Command;
  /** Resolves when the server serves; throws while it does not. */
  probe(place: StackPlace): Promise<void>;
  /** The signal of an orderly stop. */
  readonly stopSignal: NodeJS.Signals;
}
