import * as z from 'zod';
import { filePath, secretText, setting } from '../../model/setting.ts';

/** Where people edit. */
export const postgresSection = z
  .strictObject({
    url: setting(secretText(), {
      doc: 'Database of organizations, pipelines, rules and the audit log, as postgres://user:password@host:port/name. Null: the files alone.',
      reload: 'restart',
      secret: true,
    }),
    ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
    poll_interval_ms: setting(z.int().min(500).max(600_000).default(10_000), {
      doc: 'Edits are notified at once; should a notification get lost, they are found after this long, ms.',
      reload: 'restart',
    }),
  })
  .prefault({});

export type PostgresSettings = z.infer<typeof postgresSection>;
