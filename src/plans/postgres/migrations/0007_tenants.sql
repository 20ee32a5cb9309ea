-- What a tenant does may cost the tenant alone: no lock, transaction or amount of its own holds up others.

-- Edits are counted for each organization, so that an edit that is not yet committed locks one count alone.
-- Their sum grows with every edit, and two moments with the same sum have the same rows.
CREATE TABLE organization_edits (
  org_id name_id PRIMARY KEY,
  revision bigint NOT NULL,
  rules integer NOT NULL DEFAULT 0,
  rule_bytes bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE organization_edits IS 'How many edits each organization had, and how many rules it has. Rows stay when the organization goes.';

-- The owner is bound by row-level security like everyone; to count what is there it must see it once.
ALTER TABLE rules NO FORCE ROW LEVEL SECURITY;
INSERT INTO organization_edits (org_id, revision, rules, rule_bytes)
  SELECT org_id, 0, count(*), sum(octet_length(definition)) FROM rules GROUP BY org_id;
ALTER TABLE rules FORCE ROW LEVEL SECURITY;
INSERT INTO organization_edits AS held (org_id, revision) SELECT '_default', revision FROM edits
  ON CONFLICT (org_id) DO UPDATE SET revision = excluded.revision;
DROP TABLE edits;
CREATE VIEW edits AS SELECT coalesce(sum(revision), 0)::bigint AS revision FROM organization_edits;
GRANT SELECT ON edits TO paceline_service;

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
  PERFORM pg_notify('paceline_edits', '');
  RETURN NULL;
END
$$;

-- What an organization may define, all its rule sets together; the engine reads no more of it either. Who has
-- more from before may only take away.
CREATE FUNCTION count_rules() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  beyond text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO organization_edits AS held (org_id, revision, rules, rule_bytes)
      SELECT org_id, 0, count(*), sum(octet_length(definition)) FROM changed GROUP BY org_id ORDER BY org_id
    ON CONFLICT (org_id) DO UPDATE SET rules = held.rules + excluded.rules, rule_bytes = held.rule_bytes + excluded.rule_bytes;
  ELSIF TG_OP = 'DELETE' THEN
    UPDATE organization_edits AS held SET rules = held.rules - gone.rules, rule_bytes = held.rule_bytes - gone.bytes
    FROM (SELECT org_id, count(*) AS rules, sum(octet_length(definition)) AS bytes FROM changed GROUP BY org_id) AS gone
    WHERE held.org_id = gone.org_id;
    RETURN NULL;
  ELSE
    INSERT INTO organization_edits AS held (org_id, revision, rules, rule_bytes)
      SELECT org_id, 0, sum(rules), sum(bytes) FROM (
        SELECT org_id, 1 AS rules, octet_length(definition) AS bytes FROM changed
        UNION ALL SELECT org_id, -1, -octet_length(definition) FROM removed
      ) AS moved GROUP BY org_id ORDER BY org_id
    ON CONFLICT (org_id) DO UPDATE SET rules = held.rules + excluded.rules, rule_bytes = held.rule_bytes + excluded.rule_bytes;
    IF (SELECT sum(octet_length(definition)) FROM changed) <= (SELECT sum(octet_length(definition)) FROM removed) THEN
      RETURN NULL;
    END IF;
  END IF;
  SELECT org_id INTO beyond FROM organization_edits
  WHERE org_id IN (SELECT org_id FROM changed) AND (rules > 1024 OR rule_bytes > 4194304) LIMIT 1;
  IF beyond IS NOT NULL THEN
    RAISE EXCEPTION '% would have more than 1024 rules, or more than 4 MiB of them', beyond
      USING ERRCODE = 'PLQ01', HINT = 'Remove rules that are no longer needed.';
  END IF;
  RETURN NULL;
END
$$;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['organizations', 'pipelines', 'rules'] LOOP
    EXECUTE format('DROP TRIGGER note_edit ON %I', name);
    EXECUTE format('CREATE TRIGGER note_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_edit()', name);
    EXECUTE format('CREATE TRIGGER note_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_edit()', name);
    EXECUTE format('CREATE TRIGGER note_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_edit()', name);
    EXECUTE format('CREATE TRIGGER note_truncate AFTER TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION note_edit()', name);
  END LOOP;
END
$$;
CREATE TRIGGER count_insert AFTER INSERT ON rules REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rules();
CREATE TRIGGER count_update AFTER UPDATE ON rules REFERENCING OLD TABLE AS removed NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rules();
CREATE TRIGGER count_delete AFTER DELETE ON rules REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rules();

-- The right to delete is the right to lock the whole table, so a tenant deletes by this function.
CREATE FUNCTION delete_rule(rule_id text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
BEGIN
  DELETE FROM rules WHERE org_id = current_org() AND id = rule_id AND managed_by = 'database';
  RETURN FOUND;
END
$$;
-- It runs as the owner, whom row-level security binds too.
CREATE POLICY owner_reads ON rules FOR SELECT TO paceline_owner USING (org_id = (SELECT paceline.current_org()));
CREATE POLICY owner_deletes ON rules FOR DELETE TO paceline_owner
  USING (org_id = (SELECT paceline.current_org()) AND managed_by = 'database');
REVOKE DELETE ON rules FROM paceline_tenant;

-- Whoever writes plans of a stream, or rows of files, locks its row here: locks that anybody may take, as
-- advisory ones are, a tenant could hold.
CREATE TABLE writers (
  work text PRIMARY KEY CHECK (length(work) BETWEEN 1 AND 320)
);
INSERT INTO writers (work) VALUES ('files');
GRANT SELECT, INSERT, UPDATE ON writers TO paceline_service;

-- As before, but for two locks that a reader of the audit log could hold up: the advisory one, and that of
-- making a partition in place.
CREATE OR REPLACE FUNCTION make_audit_partitions(months_ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
  name text;
  made integer := 0;
BEGIN
  IF months_ahead NOT BETWEEN 0 AND 120 THEN
    RAISE EXCEPTION 'months_ahead must be 0 to 120, got %', months_ahead;
  END IF;
  LOCK TABLE audit_logs IN SHARE UPDATE EXCLUSIVE MODE;
  FOR step IN 0..months_ahead LOOP
    name := 'audit_logs_' || to_char(month, 'YYYY_MM');
    IF to_regclass('paceline.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE audit_logs INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
      EXECUTE format('ALTER TABLE audit_logs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
      EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()', name);
      made := made + 1;
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN made;
END
$$;

REVOKE ALL ON FUNCTION note_edit(), count_rules(), delete_rule(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_rule(text) TO paceline_tenant;
