-- Looks after a table, beside our writer: small files are merged, manifests sorted, old snapshots forgotten with what
-- only they reach, and files removed that no snapshot names.
-- -d table=bronze.events -d order='partition, log_offset' (of silver: 'campaign_id, event_time, partition, log_offset')
-- -d older_than='2026-03-01 00:00:00' -d keep=20 (snapshots) -d orphans='2026-02-27 00:00:00' (three days: files of
-- a commit under way are younger).
-- Printed by scripts/print-spark.ts; docs/lakehouse.md, "Past one machine", says how to run it.

CALL paceline.system.rewrite_data_files(table => '${table}', strategy => 'sort', sort_order => '${order}', options => map('target-file-size-bytes', '268435456', 'partial-progress.enabled', 'true'));

CALL paceline.system.rewrite_manifests(table => '${table}');

CALL paceline.system.expire_snapshots(table => '${table}', older_than => TIMESTAMP '${older_than}', retain_last => ${keep});

CALL paceline.system.remove_orphan_files(table => '${table}', older_than => TIMESTAMP '${orphans}');
