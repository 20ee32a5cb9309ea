import * as z from 'zod';
import { filePath, portNumber, secretText, setting } from '../../model/setting.ts';

/** Where the tables are. */
export const clickhouseSection = z
  .strictObject({
    url: setting(
      z
        .url({ protocol: /^https?$/ })
        .nullable()
        .default(null),
      {
        doc: 'ClickHouse server. Null: the embedded one.',
        reload: 'restart',
      },
    ),
    username: setting(z.string().min(1).default('default'), { doc: 'User of that server.', reload: 'restart' }),
    password: setting(secretText(), { doc: 'Its password.', reload: 'restart', secret: true }),
    database: setting(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/)
        .default('ads'),
      {
        doc: 'Database that holds our tables.',
        reload: 'restart',
      },
    ),
    ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
    cluster: setting(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/)
        .nullable()
        .default(null),
      {
        doc: 'Cluster on which tables are made replicated and distributed. Null: one server.',
        reload: 'restart',
      },
    ),
    roles: setting(z.boolean().default(true), {
      doc: 'The migration makes roles and a row policy per tenant. False where its user may not manage access.',
      reload: 'restart',
    }),
    buckets: setting(z.int().min(1).max(64).default(8), {
      doc: 'Organization buckets of the partitions of tables made new on a server. The embedded one always has 1.',
      reload: 'restart',
    }),
    readers: setting(secretText(), {
      doc: 'Who may read the embedded ClickHouse beside the token of engine.json: lines of NAME TOKEN, or NAME TOKEN ORGANIZATION for a reader of one organization, as in ${file:readers}. A server has users of its own.',
      reload: 'restart',
      secret: true,
    }),
    port: setting(portNumber().default(8_123), {
      doc: "Loopback port of the embedded ClickHouse's HTTP protocol; 0 takes a free one.",
      reload: 'restart',
    }),
  })
  .prefault({});

export type ClickhouseSettings = z.infer<typeof clickhouseSection>;
