import type { Catalog } from '../catalog/catalog.ts';
import type { DataFileEncoder } from '../format/data-file-encoder.ts';
import { type Drill, goldDrillsSchema, goldDrillsSpec, writeDrill } from '../layers/gold/gold-drills.ts';
import { ensureTable, overwritePartitions } from '../operations/overwrite-partitions.ts';
import type { ProducerOptions } from '../operations/snapshot-producer.ts';
import { layerProperties } from '../operations/table-columns.ts';
import { goldDrillsTable, goldNamespace } from './write-gold.ts';

interface NoteOptions extends Omit<ProducerOptions, 'catalog'> {
  readonly catalog: Catalog;
  readonly encoder: DataFileEncoder;
  /** URI below which the tables of gold are made. */
  readonly location: string;
}

/** Notes what came of a drill in `gold.drills`. */
export async function noteDrill(drill: Drill, options: NoteOptions): Promise<void> {
  const { catalog, ids, location } = options;
  const drills = catalog.table({ namespace: goldNamespace, table: goldDrillsTable });
  const { metadata } = await ensureTable(drills, {
    uuid: ids.uuid(),
    location: `${location}/${goldDrillsTable}`,
    schema: goldDrillsSchema,
    spec: goldDrillsSpec,
    properties: layerProperties,
  });
  await overwritePartitions(
    { ...options, catalog: drills },
    {
      spec: goldDrillsSpec,
      includes: () => false,
      added: [await writeDrill(drill, { ...options, location: metadata.location })],
      summary: {
        'paceline.table': `${goldNamespace}.${goldDrillsTable}`,
        'paceline.differences': String(drill.differences),
      },
      seen: new Set(),
    },
  );
}
