import * as z from 'zod';
import { filePath, httpUrl, optionalName, secretText, setting } from '../../model/setting.ts';

/** Who is told of alerts. */
export const alertmanagerSection = z
  .strictObject({
    urls: setting(z.array(httpUrl()).default([]), {
      doc: 'Alertmanagers that receive firing and resolved alerts; each gets all.',
      reload: 'restart',
    }),
    username: setting(optionalName(), {
      doc: 'Name for basic authentication.',
      reload: 'restart',
    }),
    password: setting(secretText(), { doc: 'Password for it.', reload: 'restart', secret: true }),
    ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
    external_url: setting(
      z
        .url({ protocol: /^https?$/ })
        .nullable()
        .default(null),
      {
        doc: 'Where people look an alert up; becomes its generatorURL.',
        reload: 'restart',
      },
    ),
  })
  .prefault({});

export type AlertmanagerSettings = z.infer<typeof alertmanagerSection>;
