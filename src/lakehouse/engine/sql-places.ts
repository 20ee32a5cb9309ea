/** How ClickHouse reaches an object store. */
export interface StoreAccess {
  /** Address of the store, without a slash at its end. */
  readonly endpoint: string;
  /** Null = as the AWS tools find theirs. */
  readonly key: { readonly id: string; readonly secret: string } | null;
  /** Named collection of the server that has the key; null = the key itself. */
  readonly collection: string | null;
}

/** A table at a state of its metadata. */
interface TableAt {
  readonly location: string;
  /** URI of the metadata file that the catalog names. */
  readonly metadataLocation: string;
  /** Null = the newest of that metadata. */
  readonly snapshotId: bigint | null;
}

/** Text in quotes, as ClickHouse reads it. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, (char) => `\\${char}`)}'`;
}

export function identifier(name: string): string {
  return `\`${name.replace(/[\\`]/g, (char) => `\\${char}`)}\``;
}

/**
 * A table function that reads an Iceberg table in the metadata that the catalog names: files of a commit that was
 * never made are not looked at. `pathOf`: the path of a URI on this machine.
 */
export function icebergTable(table: TableAt, access: StoreAccess, pathOf: (uri: string) => string): string {
  const { engine, place, setting } = placeOf(table, access, pathOf);
  // This one is a setting of the query, the other one of the table.
  const past = table.snapshotId === null ? '' : ` SETTINGS iceberg_snapshot_id = ${table.snapshotId}`;
  return `${engine.replace('I', 'i')}(${place}, SETTINGS ${setting})${past}`;
}

/** The same as the engine of a table of ClickHouse's own, which a reader may ask without rights on the store. */
export function icebergEngine(table: TableAt, access: StoreAccess, pathOf: (uri: string) => string): string {
  const { engine, place, setting } = placeOf(table, access, pathOf);
  return `ENGINE = ${engine}(${place}) SETTINGS ${setting}`;
}

function placeOf({ location, metadataLocation }: TableAt, access: StoreAccess, pathOf: (uri: string) => string) {
  const within = metadataLocation.slice(metadataLocation.lastIndexOf('/metadata/') + 1);
  const setting = `iceberg_metadata_file_path = ${quoted(within)}`;
  if (!location.startsWith('s3://')) return { engine: 'IcebergLocal', place: quoted(pathOf(location)), setting };
  const url = quoted(`${access.endpoint}/${location.slice('s3://'.length)}`);
  const login = access.key === null ? '' : `, ${quoted(access.key.id)}, ${quoted(access.key.secret)}`;
  const place = access.collection === null ? `${url}${login}` : `${identifier(access.collection)}, url = ${url}`;
  return { engine: 'IcebergS3', place, setting };
}
