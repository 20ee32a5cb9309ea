/** How ClickHouse reaches an object store. */
export interface StoreAccess {
  /** Address of the store, without a slash at its end. */
  readonly endpoint: string;
  /** Null = as the AWS tools find theirs. */
  readonly key: { readonly id: string; readonly secret: string } | null;
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
export function icebergTable(
  { location, metadataLocation, snapshotId }: TableAt,
  access: StoreAccess,
  pathOf: (uri: string) => string,
): string {
  const within = metadataLocation.slice(metadataLocation.lastIndexOf('/metadata/') + 1);
  const settings = `SETTINGS iceberg_metadata_file_path = ${quoted(within)}`;
  // This one is a setting of the query, the other one of the table.
  const past = snapshotId === null ? '' : ` SETTINGS iceberg_snapshot_id = ${snapshotId}`;
  if (!location.startsWith('s3://')) return `icebergLocal(${quoted(pathOf(location))}, ${settings})${past}`;
  const login = access.key === null ? '' : `, ${quoted(access.key.id)}, ${quoted(access.key.secret)}`;
  return `icebergS3(${quoted(`${access.endpoint}/${location.slice('s3://'.length)}`)}${login}, ${settings})${past}`;
}
