-- Writes that came with an idempotency key: each is done once, and whoever has the key gets its answer again.

CREATE TABLE idempotent_calls (
  key_hash BLOB NOT NULL PRIMARY KEY,
  org_id TEXT,
  request_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  answer TEXT
) STRICT;
CREATE INDEX idempotent_calls_oldest ON idempotent_calls (created_at);
