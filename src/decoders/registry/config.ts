import * as z from 'zod';
import { filePath, optionalName, secretText, setting } from '../../model/setting.ts';

/** What ids of schemas mean. */
export const registrySection = z
  .strictObject({
    url: setting(
      z
        .url({ protocol: /^https?$/ })
        .nullable()
        .default(null),
      {
        doc: 'Schema registry with the Confluent API. Null: the schemas released with paceline, by their own ids.',
        reload: 'restart',
      },
    ),
    username: setting(optionalName(), {
      doc: 'Name for basic authentication.',
      reload: 'restart',
    }),
    password: setting(secretText(), { doc: 'Password for it.', reload: 'restart', secret: true }),
    ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
  })
  .prefault({});
