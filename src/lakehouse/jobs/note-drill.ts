import { EngineError } from '../../model/errors.ts';
import type { Catalog, CatalogTable, TableState } from '../catalog/catalog.ts';
import type { DataFileEncoder } from '../format/data-file-encoder.ts';
import { type Drill, goldDrillsSchema, goldDrillsSpec, writeDrill } from '../layers/gold/gold-drills.ts';
import { ensureTable, overwritePartitions } from '../operations/overwrite-partitions.ts';
import type { ProducerOptions } from '../operations/snapshot-producer.ts';
import { layerProperties } from '../operations/table-columns.ts';
import { goldDrillsTable, goldNamespace } from './write-gold.ts';

interface DrillsOptions extends Omit<ProducerOptions, 'catalog'> {
  readonly catalog: Catalog;
  /** URI below which the tables of gold are made. */
  readonly location: string;
}

interface OpenDrills {
  readonly catalog: CatalogTable;
  readonly state: TableState;
}

/** The table `gold.drills` as it is before a drill reads anything. */
export async function openDrills({ catalog, ids, location }: DrillsOptions): Promise<OpenDrills> {
  const drills = catalog.table({ namespace: goldNamespace, table: goldDrillsTable });
  const state = await ensureTable(drills, {
    uuid: ids.uuid(),
    location: `${location}/${goldDrillsTable}`,
    schema: goldDrillsSchema,
    spec: goldDrillsSpec,
    properties: layerProperties,
  });
  return { catalog: drills, state };
}

/** Notes what came of a drill. Throws CATALOG_CONFLICT where an organization was erased while it ran. */
export async function noteDrill(
  drill: Drill,
  { catalog, state }: OpenDrills,
  options: Omit<ProducerOptions, 'catalog'> & { readonly encoder: DataFileEncoder },
): Promise<void> {
  const outcome = await overwritePartitions(
    { ...options, catalog },
    {
      spec: goldDrillsSpec,
      includes: () => false,
      added: [await writeDrill(drill, { ...options, location: state.metadata.location })],
      summary: {
        'paceline.table': `${goldNamespace}.${goldDrillsTable}`,
        'paceline.differences': String(drill.differences),
      },
      seen: new Set(),
      since: state,
    },
  );
  if (outcome !== 'written')
    throw new EngineError('CATALOG_CONFLICT', 'an organization was erased while the drill ran; run it again');
}
