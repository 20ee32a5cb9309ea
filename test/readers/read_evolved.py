"""Reads a table that got a column with pyiceberg and DuckDB: old files have null there, a past snapshot no such column."""
import json
import sys

import duckdb
from pyiceberg.catalog.sql import SqlCatalog

expected = json.load(open(sys.argv[1]))
field = expected["field"]
catalog = SqlCatalog("paceline", uri=f"sqlite:///{expected['directory']}/catalog.sqlite", init_catalog_tables="false")
table = catalog.load_table("silver.impressions")
want = sorted((row["partition"], row["offset"], row["value"] or "") for row in expected["rows"])

found = table.scan(selected_fields=("partition", "log_offset", field)).to_arrow().to_pylist()
have = sorted((row["partition"], row["log_offset"], row[field] or "") for row in found)
assert have == want, f"pyiceberg: {len(have)} rows, {len(want)} expected"
past = table.scan(snapshot_id=int(expected["firstSnapshot"])).to_arrow()
assert field not in past.column_names, past.column_names
assert past.num_rows == sum(row["is_old"] for row in expected["rows"]), past.num_rows

files = [task.file.file_path.removeprefix("file://") for task in table.scan().plan_files()]
lake = duckdb.connect()
rows = lake.execute(f"SELECT partition, log_offset, coalesce({field}, '') FROM read_parquet(?, union_by_name = true)", [files]).fetchall()
assert sorted(rows) == want, f"duckdb: {len(rows)} rows, {len(want)} expected"
print(f"pyiceberg and duckdb: {len(want)} impressions of {len(files)} files, null where a file is older than {field}")
