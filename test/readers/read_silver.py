"""Reads silver with pyiceberg, through our own catalog file, and compares it with the fold of the log."""
import json
import pathlib
import shutil
import sys
import uuid

import duckdb
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

expected = json.load(open(sys.argv[1]))
catalog = SqlCatalog("paceline", uri=f"sqlite:///{expected['directory']}/catalog.sqlite", init_catalog_tables="false")
names = {table for _, table in catalog.list_tables("silver")}
assert names == {*expected["tables"], "days"}, names
total = 0
for name, rows in expected["tables"].items():
    table = catalog.load_table(f"silver.{name}")
    found = table.scan(selected_fields=("event_id", "org_id", "event_time", "log_offset")).to_arrow().to_pylist()
    have = sorted((row["event_id"].hex, row["org_id"], round(row["event_time"].timestamp() * 1000), row["log_offset"]) for row in found)
    want = sorted((row["id"], row["org"], row["at"], row["offset"]) for row in rows)
    assert have == want, f"{name}: {len(have)} rows, {len(want)} expected"
    total += len(have)
    if not rows:
        continue
    files = list(table.scan().plan_files())
    org = rows[0]["org"]
    own = list(table.scan(row_filter=f"org_id = '{org}'").plan_files())
    orgs = {row["org"] for row in rows}
    assert len(own) < len(files) or len(orgs) == 1, f"{name}: no pruning by organization"
    row = rows[len(rows) // 2]
    one = table.scan(row_filter=f"event_id = '{uuid.UUID(row['id'])}'").to_arrow()
    assert one.num_rows == 1, f"{name}: {one.num_rows} rows of one event"
    ids = {field.name: field.field_id for field in table.schema().fields}
    for task in files:
        schema = pq.read_schema(task.file.file_path.removeprefix("file://"))
        assert {f.name: int(f.metadata[b"PARQUET:field_id"]) for f in schema}.items() <= ids.items(), f"ids of {name}"
    summary = table.metadata.snapshots[-1].summary.additional_properties
    assert summary["paceline.table"] == f"silver.{name}" and summary["paceline.input-snapshot"], summary
# The views that DuckDB's users are given, over the same tables.
lake = duckdb.connect()
lake.execute("CREATE SCHEMA silver")
for name in expected["tables"]:
    rows = catalog.load_table(f"silver.{name}").scan().to_arrow()
    lake.execute(f"CREATE TABLE silver.{name} AS SELECT * FROM rows")
views = pathlib.Path(__file__).parents[2] / "src/lakehouse/layers/silver/views/corrected.duckdb.sql"
lake.execute(views.read_text())
counters = lake.execute(
    "SELECT concat_ws('/', org_id, campaign_id, date, counter), from_events, from_corrections FROM silver.corrected_counters"
).fetchall()
assert {key: list(sums) for key, *sums in counters} == expected["corrected"]["counters"], "corrected counters"
spend = lake.execute(
    "SELECT org_id || '/' || campaign_id || '/' || date || '/' || currency || '/' || coalesce(source, '') || '/' || coalesce(basis, ''), "
    "reported_micros, adjustment_micros FROM silver.corrected_spend"
).fetchall()
assert {key: list(sums) for key, *sums in spend} == expected["corrected"]["spend"], "corrected spend"
shutil.rmtree(expected["directory"])
print(f"duckdb: {len(counters)} corrected counters and {len(spend)} sums of spend, as the fold of the log has them")
print(f"pyiceberg: silver has {total} events, each once, in {len(expected['tables'])} tables")
