"""Runs the jobs of deploy/spark/ with Spark itself over our tables and our catalog, and compares them with what the
embedded way wrote, row for row. Arguments: what build-silver.ts tells, the jars, the job to run."""
import json
import pathlib
import shutil
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

spark.stop()
shutil.rmtree(directory)
