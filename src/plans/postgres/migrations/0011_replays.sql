-- Dead letters that were sent again: each once. What is under way has no sent_at yet.

CREATE TABLE replays (
  org_id name_id NOT NULL,
  topic text NOT NULL CHECK (length(topic) BETWEEN 1 AND 249),
  partition integer NOT NULL CHECK (partition >= 0),
  log_offset bigint NOT NULL CHECK (log_offset >= 0),
  replay_id uuid NOT NULL,
  created_by text NOT NULL CHECK (length(created_by) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  is_mended integer NOT NULL CHECK (is_mended IN (0, 1)),
  new_event_id text CHECK (new_event_id ~ '^[0-9a-f]{32}$'),
  to_partition integer NOT NULL CHECK (to_partition >= 0),
  from_offset bigint NOT NULL CHECK (from_offset >= 0),
  to_offset bigint CHECK (to_offset >= from_offset),
  sent_at timestamptz,
  PRIMARY KEY (org_id, topic, partition, log_offset)
);
COMMENT ON TABLE replays IS 'Dead letters that were sent again, by whom, and where the new records lie.';
COMMENT ON COLUMN replays.from_offset IS 'Next offset of the partition when the letter was taken: whoever finds the row unfinished looks there for its record.';
CREATE INDEX replays_newest ON replays (org_id, created_at, topic, partition, log_offset);
CREATE INDEX replays_of_call ON replays (org_id, replay_id);
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON replays FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'topic', 'partition', 'log_offset');

ALTER TABLE replays ENABLE ROW LEVEL SECURITY;
ALTER TABLE replays FORCE ROW LEVEL SECURITY;
CREATE POLICY service_all ON replays TO paceline_service USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON replays TO paceline_service;
CREATE POLICY tenant_reads ON replays FOR SELECT TO paceline_tenant USING (org_id = (SELECT paceline.current_org()));
GRANT SELECT ON replays TO paceline_tenant;
