import * as z from 'zod';
import { httpUrl, optionalName, secretText, setting } from '../../model/setting.ts';

/** The object store of every setting that names a place as s3://bucket/key. */
export const s3Section = z
  .strictObject({
    endpoint: setting(httpUrl().nullable().default(null), {
      doc: "Address of the store. Null: Amazon's own, by region.",
      reload: 'restart',
    }),
    region: setting(z.string().min(1).default('us-east-1'), {
      doc: 'Region of the buckets; other stores mostly take any.',
      reload: 'restart',
    }),
    path_style: setting(z.boolean().default(false), {
      doc: 'Buckets are named in the path (http://host/bucket) instead of in the host. Most stores other than Amazon want it.',
      reload: 'restart',
    }),
    access_key_id: setting(optionalName(), {
      doc: 'Name of the key. Null: found as the AWS tools find theirs (environment, files, role of the machine).',
      reload: 'restart',
    }),
    secret_access_key: setting(secretText(), { doc: 'The key itself.', reload: 'restart', secret: true }),
  })
  .prefault({});
