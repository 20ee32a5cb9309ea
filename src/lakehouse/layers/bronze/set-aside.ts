import { EngineError } from '../../../model/errors.ts';
import type { Catalog, TableName } from '../../catalog/catalog.ts';
import { readOffsets, type StreamOfTable } from './recorded-offsets.ts';

/**
 * Gives the bronze table of another stream, or of an earlier generation of ours, another name, where a
 * person said that a new generation begins: what it holds stays readable under that name. Returns the
 * name; null when the table is ours, or there is none.
 */
export async function setBronzeAside(
  catalog: Catalog,
  name: TableName,
  stream: StreamOfTable & { readonly generation: number },
): Promise<string | null> {
  const held = await catalog.table(name).load();
  if (held === null) return null;
  try {
    readOffsets(held.metadata, stream);
    return null;
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'GENERATION_MISMATCH') throw error;
  }
  const table = `events_before_generation_${stream.generation}`;
  await catalog.rename(name, { ...name, table });
  return table;
}
