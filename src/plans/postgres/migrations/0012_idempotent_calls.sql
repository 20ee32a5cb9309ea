-- Writes that came with an idempotency key: each is done once, and whoever has the key gets its answer again.

CREATE TABLE idempotent_calls (
  key_hash bytea PRIMARY KEY CHECK (length(key_hash) = 32),
  org_id name_id,
  request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
  created_at timestamptz NOT NULL,
  answer text
);
COMMENT ON TABLE idempotent_calls IS 'Writes that came with an idempotency key, each done once; forgotten after a day.';
COMMENT ON COLUMN idempotent_calls.answer IS 'What was answered, sealed under the key itself; null = the call has not ended.';
CREATE INDEX idempotent_calls_oldest ON idempotent_calls (created_at);
CREATE INDEX idempotent_calls_of_organization ON idempotent_calls (org_id);

ALTER TABLE idempotent_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotent_calls FORCE ROW LEVEL SECURITY;
CREATE POLICY service_all ON idempotent_calls TO paceline_service USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotent_calls TO paceline_service;
