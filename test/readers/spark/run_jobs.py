"""Runs the jobs of deploy/spark/ with Spark itself over our tables and our catalog, and compares them with what the
embedded way wrote, row for row. Arguments: what build-silver.ts tells, the jars, the job to run."""
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys

from pyspark.sql import SparkSession

root = pathlib.Path(__file__).parents[3]
expected = json.load(open(sys.argv[1]))
jars = ",".join(str(jar) for jar in sorted(pathlib.Path(sys.argv[2]).glob("*.jar")))
directory = expected["directory"]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", jars)
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "2g")
    .config("spark.sql.shuffle.partitions", "4")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
    .config("spark.sql.defaultCatalog", "paceline")
    .config("spark.sql.catalog.paceline", "org.apache.iceberg.spark.SparkCatalog")
    .config("spark.sql.catalog.paceline.type", "jdbc")
    .config("spark.sql.catalog.paceline.uri", f"jdbc:sqlite:{directory}/catalog.sqlite")
    .config("spark.sql.catalog.paceline.jdbc.schema-version", "V1")
    .config("spark.sql.catalog.paceline.warehouse", f"file://{directory}/lake")
    .config("spark.sql.catalog.paceline.cache-enabled", "false")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")


def run(job, **values):
    for name, value in values.items():
        spark.conf.set(name, value)
    text = "\n".join(line for line in (root / "deploy/spark" / job).read_text().splitlines() if not line.startswith("--"))
    for statement in text.split(";\n"):
        if statement.strip():
            spark.sql(statement.strip().removesuffix(";")).collect()


def ours(*words):
    """What our own command does next, in words for people."""
    command = ["node", "--disable-warning=ExperimentalWarning", "src/main.ts", *words, "--data", directory]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(table, where="true"):
    """Rows as texts, sorted, so that any two tables compare; maps by their entries."""
    frame = spark.table(table).where(where)
    columns = [
        f"array_sort(map_entries({name})) AS {name}" if kind.startswith("map") else f"`{name}`"
        for name, kind in sorted(frame.dtypes)
    ]
    return sorted(str(row) for row in frame.selectExpr(*columns).collect())


def newest():
    return str(spark.sql("SELECT snapshot_id FROM bronze.events.refs WHERE name = 'main'").first()[0])


tables = sorted(expected["tables"])
days = sorted({str(row[0]) for row in spark.sql("SELECT DISTINCT day FROM silver.days").collect()})
closed = f"to_date(event_time) IN ({', '.join(repr(day) for day in days)})"
embedded = {name: rows(f"silver.{name}") for name in tables}
assert sum(map(len, embedded.values())) > 5_000, {name: len(found) for name, found in embedded.items()}

run("backfill.sql", target="silver_copy", snapshot=newest())
for name in tables:
    copied = rows(f"silver_copy.{name}", closed)
    differing = [pair for pair in zip(copied, embedded[name]) if pair[0] != pair[1]][:2]
    assert copied == embedded[name], f"{name}: {len(copied)} rows by CTAS, {len(embedded[name])} embedded: {differing}"
print(f"spark: CTAS gives {sum(map(len, embedded.values()))} rows in {len(tables)} tables, row for row as the embedded way")

day = days[len(days) // 2]
run("day.sql", day=day, snapshot=newest())
for name in tables:
    assert rows(f"silver.{name}") == embedded[name], f"{name} after INSERT OVERWRITE"
due = json.loads(ours("lake", "silver", "--dry-run", "--json"))
assert due["days"] == 0, due
print(f"spark: INSERT OVERWRITE of {day} changes no row, and leaves the embedded way nothing to do")

logged = str(spark.sql("SELECT max(to_date(log_time)) FROM silver.spend").first()[0])
for name in ("spend", "conversions"):
    spark.sql(f"DELETE FROM silver.{name} WHERE to_date(log_time) = DATE '{logged}'")
assert len(rows("silver.spend")) < len(embedded["spend"])
run("late.sql", day=logged, snapshot=newest())
for name in ("conversions", "spend", "performance_reports", "spend_adjustments", "metric_corrections"):
    assert rows(f"silver.{name}", closed) == embedded[name], f"{name} after MERGE"
print("spark: MERGE brings back exactly the rows that were missing")



def grow(round):
    """Our writer commits once more; says how many records the log has."""
    command = ["node", "--disable-warning=ExperimentalWarning", "test/readers/grow-bronze.ts", directory, str(round)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def expect_each_once(records):
    found = spark.sql("SELECT count(*), count(DISTINCT partition, log_offset) FROM bronze.events").first()
    assert tuple(found) == (records, records), f"bronze has {found}, the log {records} records"


def files():
    return spark.sql("SELECT count(*) FROM bronze.events.files").first()[0]


for round in range(7):
    records = grow(round)
before, kept = files(), rows("bronze.events")
orphan = pathlib.Path(f"{directory}/lake/bronze/events/data/orphan.parquet")
orphan.write_bytes(b"what a crash left behind")
long_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=5)
os.utime(orphan, (long_ago.timestamp(), long_ago.timestamp()))
instant = lambda at: at.strftime("%Y-%m-%d %H:%M:%S")
now = datetime.datetime.now(datetime.timezone.utc)
maintenance = dict(
    table="bronze.events",
    order="partition, log_offset",
    # What the calls before it commit has to go too.
    older_than=instant(now + datetime.timedelta(hours=1)),
    keep="1",
    orphans=instant(now - datetime.timedelta(days=3)),
)
run("maintain.sql", **maintenance)
assert rows("bronze.events") == kept, "CALL changed rows of bronze"
assert files() < before, (files(), before)
assert not orphan.exists(), "an orphan of five days is still there"
snapshots = spark.sql("SELECT count(*) FROM bronze.events.snapshots").first()[0]
assert snapshots == 1, snapshots
print(f"spark: CALL merges {before} files of bronze to {files()}, forgets the past, sweeps what nobody names, and keeps every row")

# Our writer goes on where it was, each record once, although the snapshots that told of its offsets are gone.
for round in range(7, 10):
    expect_each_once(grow(round))
ours("lake", "silver")
for name in tables:
    assert rows(f"silver.{name}", f"{closed} AND org_id NOT LIKE 'spark-%'") == embedded[name], f"{name} after maintenance"
run("maintain.sql", **{**maintenance, "table": "silver.impressions", "order": "campaign_id, event_time, partition, log_offset"})
assert rows("silver.impressions", f"{closed} AND org_id NOT LIKE 'spark-%'") == embedded["impressions"]
found = json.loads(ours("lake", "maintain", "--dry-run", "--table", "bronze.events", "--json").splitlines()[0])
assert found, "our own maintenance reads what Spark left"
expect_each_once(grow(10))
print("spark: our writer goes on beside it, every record once, and our commands read what Spark left")

spark.stop()
shutil.rmtree(directory)
