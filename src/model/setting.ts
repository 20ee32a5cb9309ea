import { isIPv4 } from 'node:net';
import * as z from 'zod';

/** What the engine does with a changed value: takes it at once, or names it and waits for a restart. */
type Reload = 'live' | 'restart';

export interface SettingMeta {
  /** One sentence; docs/config.md is printed from it. */
  readonly doc: string;
  readonly reload: Reload;
  /** Shown as `***` everywhere; a file may hold only a reference to it. */
  readonly secret?: true;
  /** A relative path in a file is taken from that file's directory. */
  readonly path?: true;
}

/** Meta data of every field of `configSchema`. */
export const settingMeta = z.registry<SettingMeta>();

/** Describes a field once and for all. */
export function setting<T extends z.ZodType>(schema: T, meta: SettingMeta): T {
  settingMeta.add(schema, meta);
  return schema;
}

/** 0 takes a free one. */
export const portNumber = () => z.int().min(0).max(65_535);
/** Nobody prints it; a file may hold only a reference to it. */
export const secretText = () => z.string().min(1).nullable().default(null);
export const filePath = () => z.string().min(1).nullable().default(null);

export const address = () =>
  z
    .string()
    .regex(/^[^\s:,/]+:\d{1,5}$/, 'must be host:port')
    .refine((text) => isPort(Number(text.split(':').at(-1))), 'must be host:port, with a port from 1 to 65535');

const isPort = (port: number) => port >= 1 && port <= 65_535;
export const httpUrl = () => z.url({ protocol: /^https?$/ });
export const optionalName = () => z.string().min(1).nullable().default(null);
/** Kafka's rule for names of topics. */
export const topicName = () =>
  z
    .string()
    .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, 'must be 1 to 249 of A-Z a-z 0-9 . _ -, and neither . nor ..');
/** What a socket can listen on: a name or an address. */
export const hostName = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9._:%-]+$/, 'must be a host name or an address')
    .refine((text) => !/^[\d.]+$/.test(text) || isIPv4(text), 'must be a host name or an address');
