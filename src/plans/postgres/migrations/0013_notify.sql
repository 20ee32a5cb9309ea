-- Notifications of all databases of a server wait in one queue, until every session that listens has read them.
-- Somebody who listens and leaves a transaction open keeps them all; once the queue is full, whoever notifies fails
-- at the commit, and an edit with it. So an edit is told only while there is room, and found by the poll otherwise.

CREATE FUNCTION notify_queue_usage() RETURNS double precision LANGUAGE sql SET search_path = pg_catalog, pg_temp
  RETURN pg_catalog.pg_notification_queue_usage();
REVOKE ALL ON FUNCTION notify_queue_usage() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notify_queue_usage() TO paceline_service;

CREATE OR REPLACE FUNCTION note_edit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  noted text[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    noted := ARRAY['_default'];
  ELSIF TG_TABLE_NAME = 'organizations' THEN
    SELECT array_agg(DISTINCT id::text) INTO noted FROM changed;
  ELSE
    SELECT array_agg(DISTINCT org_id::text) INTO noted FROM changed;
  END IF;
  IF noted IS NULL THEN
    RETURN NULL;
  END IF;
  -- In one order, so that two who edit the same organizations never wait for each other.
  INSERT INTO organization_edits AS held (org_id, revision) SELECT id, 1 FROM unnest(noted) AS id ORDER BY id
  ON CONFLICT (org_id) DO UPDATE SET revision = held.revision + 1;
  IF notify_queue_usage() < 0.5 THEN
    PERFORM pg_notify('paceline_edits', '');
  END IF;
  RETURN NULL;
END
$$;
