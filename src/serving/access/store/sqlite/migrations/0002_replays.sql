-- Dead letters that were sent again: each once. What is under way has no sent_at yet.

CREATE TABLE replays (
  org_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  log_offset INTEGER NOT NULL,
  replay_id TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  is_mended INTEGER NOT NULL CHECK (is_mended IN (0, 1)),
  new_event_id TEXT,
  to_partition INTEGER NOT NULL,
  from_offset INTEGER NOT NULL,
  to_offset INTEGER,
  sent_at INTEGER,
  PRIMARY KEY (org_id, topic, partition, log_offset)
) STRICT;
CREATE INDEX replays_newest ON replays (org_id, created_at, topic, partition, log_offset);
CREATE INDEX replays_of_call ON replays (org_id, replay_id);
