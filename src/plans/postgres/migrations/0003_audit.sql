-- Who changed what. Rows are only ever added; whole months leave by the retention command alone.

CREATE TABLE audit_logs (
  org_id name_id NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  id bigint GENERATED ALWAYS AS IDENTITY,
  actor text NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
  login text NOT NULL DEFAULT session_user,
  action text NOT NULL CHECK (action IN ('insert', 'update', 'delete', 'retention')),
  table_name text NOT NULL,
  row_key text NOT NULL,
  before jsonb,
  after jsonb,
  PRIMARY KEY (org_id, at, id)
) PARTITION BY RANGE (at);

COMMENT ON COLUMN audit_logs.actor IS 'What the setting paceline.actor says, else the login.';
COMMENT ON COLUMN audit_logs.login IS 'Login of the connection; cannot be chosen.';

-- Months begin at midnight UTC, whatever zone the server or the session has.
CREATE FUNCTION make_audit_partitions(months_ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
  name text;
  made integer := 0;
BEGIN
  IF months_ahead NOT BETWEEN 0 AND 120 THEN
    RAISE EXCEPTION 'months_ahead must be 0 to 120, got %', months_ahead;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('paceline audit partitions'));
  FOR step IN 0..months_ahead LOOP
    name := 'audit_logs_' || to_char(month, 'YYYY_MM');
    IF to_regclass('paceline.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF audit_logs FOR VALUES FROM (%L) TO (%L)',
        name, to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
      EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()', name);
      made := made + 1;
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN made;
END
$$;

-- Drops the months that ended at least `months_kept` whole months before this one; notes that it did.
CREATE FUNCTION drop_audit_partitions(months_kept integer) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  oldest_kept text;
  dropped text[] := ARRAY[]::text[];
  name text;
BEGIN
  IF months_kept NOT BETWEEN 1 AND 1200 THEN
    RAISE EXCEPTION 'months_kept must be 1 to 1200, got %', months_kept;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('paceline audit partitions'));
  oldest_kept := 'audit_logs_' || to_char(date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => months_kept), 'YYYY_MM');
  FOR name IN
    SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = 'audit_logs'::regclass AND child.relname::text < oldest_kept ORDER BY 1
  LOOP
    EXECUTE format('DROP TABLE %I', name);
    dropped := dropped || name;
  END LOOP;
  IF cardinality(dropped) > 0 THEN
    INSERT INTO audit_logs (org_id, actor, action, table_name, row_key, before)
    VALUES ('_system', current_actor(), 'retention', 'audit_logs', oldest_kept, to_jsonb(dropped));
  END IF;
  RETURN dropped;
END
$$;

CREATE FUNCTION current_actor() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT left(coalesce(nullif(current_setting('paceline.actor', true), ''), session_user), 200)
$$;

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_logs is append-only' USING ERRCODE = 'PLA01';
END
$$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

SELECT make_audit_partitions(3);

-- Arguments: the columns that make the key. Hashes of tokens are never written down.
CREATE FUNCTION write_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  some_row jsonb := coalesce(new_row, old_row);
  org text := CASE TG_TABLE_NAME WHEN 'organizations' THEN some_row ->> 'id' WHEN 'users' THEN '_system' ELSE some_row ->> 'org_id' END;
  key text;
  hidden text[] := ARRAY['token_hash'];
BEGIN
  SELECT string_agg(some_row ->> name, '/') INTO key FROM unnest(TG_ARGV) AS name;
  BEGIN
    INSERT INTO audit_logs (org_id, actor, action, table_name, row_key, before, after)
    VALUES (org, current_actor(), lower(TG_OP), TG_TABLE_NAME, key, old_row - hidden, new_row - hidden);
  EXCEPTION WHEN check_violation THEN
    -- No partition for this month: nobody made them ahead for a long time. An edit must not fail for it.
    PERFORM make_audit_partitions(1);
    INSERT INTO audit_logs (org_id, actor, action, table_name, row_key, before, after)
    VALUES (org, current_actor(), lower(TG_OP), TG_TABLE_NAME, key, old_row - hidden, new_row - hidden);
  END;
  RETURN NULL;
END
$$;

CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION write_audit('id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON organizations FOR EACH ROW EXECUTE FUNCTION write_audit('id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON org_memberships FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'user_id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON permissions FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'user_id', 'action');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON pipelines FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON rules FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'id');
