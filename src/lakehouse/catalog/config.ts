import * as z from 'zod';
import { filePath, httpUrl, optionalName, secretText, setting } from '../../model/setting.ts';

/** The catalog behind the Iceberg REST protocol, where `bronze.catalog` is rest. */
export const icebergRestSection = z
  .strictObject({
    url: setting(httpUrl().nullable().default(null), {
      doc: 'Address of the catalog, without v1.',
      reload: 'restart',
    }),
    warehouse: setting(optionalName(), {
      doc: 'Which of its warehouses, where it has several.',
      reload: 'restart',
    }),
    token: setting(secretText(), {
      doc: 'Bearer token, where it takes one as it is.',
      reload: 'restart',
      secret: true,
    }),
    client_id: setting(optionalName(), {
      doc: 'Name to get tokens for (OAuth2 client credentials).',
      reload: 'restart',
    }),
    client_secret: setting(secretText(), { doc: 'Secret for it.', reload: 'restart', secret: true }),
    scope: setting(z.string().min(1).default('catalog'), {
      doc: 'Scope that tokens are asked for.',
      reload: 'restart',
    }),
    oauth_url: setting(httpUrl().nullable().default(null), {
      doc: "Where tokens are asked for. Null: the catalog's own v1/oauth/tokens.",
      reload: 'restart',
    }),
    ca_file: setting(filePath(), { doc: 'PEM file of the authorities to trust.', reload: 'restart', path: true }),
  })
  .prefault({});
