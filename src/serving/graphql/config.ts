import * as z from 'zod';
import { filePath, setting } from '../../model/setting.ts';

/** The GraphQL door, and what one request of it may ask for. */
export const graphqlSection = z
  .strictObject({
    enabled: setting(z.boolean().default(true), {
      doc: 'Whether GraphQL is served at /graphql.',
      reload: 'restart',
    }),
    introspection: setting(z.boolean().default(true), {
      doc: 'Whether the schema may be asked for. False: refusals suggest no names either.',
      reload: 'restart',
    }),
    depth_max: setting(z.int().min(2).max(32).default(10), {
      doc: 'Deepest nesting of fields.',
      reload: 'restart',
    }),
    aliases_max: setting(z.int().min(0).max(1_000).default(32), {
      doc: 'Fields with another name than their own, fragments counted each time that they are spread.',
      reload: 'restart',
    }),
    cost_max: setting(z.int().min(1).max(10_000).default(60), {
      doc: 'Cost of one request: that of each operation, and one for each 100 entries that it may give. Allowances (serving.limits) are asked for each operation as well.',
      reload: 'restart',
    }),
    answer_mb_max: setting(z.int().min(1).max(256).default(8), {
      doc: 'How much the operations of one request may give together, MiB.',
      reload: 'restart',
    }),
    documents: setting(filePath(), {
      doc: 'JSON file of the only documents that are taken, {"SHA-256 in hex": "text"}, as generators of clients write it. Null: any document, and those that were sent before by their hash.',
      reload: 'restart',
      path: true,
    }),
  })
  .prefault({});

export type GraphqlSettings = z.infer<typeof graphqlSection>;

export function isGraphqlPath(path: string): boolean {
  return path === '/graphql';
}
