-- Edits are counted, so that a poll is one cheap look, and told, so that nobody need wait for the poll.

CREATE TABLE edits (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL
);
INSERT INTO edits (revision) VALUES (1);

COMMENT ON TABLE edits IS 'One row. Its lock makes edits commit one after the other, so whoever reads a revision sees every edit up to it.';

CREATE TABLE plan_positions (
  stream text PRIMARY KEY CHECK (length(stream) BETWEEN 1 AND 300),
  revision bigint NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE plan_positions IS 'Revision of the edits up to which each log has its plans.';

CREATE FUNCTION note_edit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  noted bigint;
BEGIN
  UPDATE edits SET revision = revision + 1 RETURNING revision INTO noted;
  PERFORM pg_notify('paceline_edits', noted::text);
  RETURN NULL;
END
$$;

-- A row that files own changes only through the command that reads those files.
CREATE FUNCTION guard_managed_row() RETURNS trigger LANGUAGE plpgsql SET search_path = paceline, pg_temp AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.managed_by = 'files' AND coalesce(current_setting('paceline.manager', true), '') <> 'files' THEN
    RAISE EXCEPTION '% is managed by files', TG_TABLE_NAME
      USING ERRCODE = 'PLF01', HINT = 'Edit the file and run "paceline apply", or move the row with "paceline rules push".';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    NEW.version := OLD.version + 1;
    NEW.created_at := OLD.created_at;
    NEW.updated_at := clock_timestamp();
  END IF;
  RETURN NEW;
END
$$;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['organizations', 'pipelines', 'rules'] LOOP
    EXECUTE format('CREATE TRIGGER note_edit AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION note_edit()', name);
    EXECUTE format('CREATE TRIGGER guard_managed_row BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION guard_managed_row()', name);
  END LOOP;
END
$$;
