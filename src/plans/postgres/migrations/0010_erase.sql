-- An organization is erased: what it decided goes, and what was noted of it stays provable. In place of words stand
-- their hashes, so that whoever has the words can show that they stood there, and nobody else learns them.

CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- The redaction below alone: which row it is, when it came and what it did stay as they are.
  IF TG_OP = 'UPDATE' THEN
    IF current_user = 'paceline_owner' AND coalesce(current_setting('paceline.redacts', true), '') = 'yes'
      AND (NEW.org_id, NEW.at, NEW.id, NEW.action, NEW.table_name, NEW.login) = (OLD.org_id, OLD.at, OLD.id, OLD.action, OLD.table_name, OLD.login) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'audit_logs is append-only' USING ERRCODE = 'PLA01';
END
$$;

CREATE FUNCTION erased_row(kept jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = paceline, pg_temp AS $$
  SELECT CASE WHEN kept IS NOT NULL THEN
    jsonb_build_object('erased', true, 'sha256', encode(sha256(convert_to(kept::text, 'UTF8')), 'hex')) END
$$;

CREATE FUNCTION erased_text(kept text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = paceline, pg_temp AS $$
  SELECT 'sha256:' || encode(sha256(convert_to(kept, 'UTF8')), 'hex')
$$;

-- `people`: users that nobody else knows. Returns how many rows of the audit log were redacted.
CREATE FUNCTION redact_organization(org name_id, people uuid[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  redacted integer;
  names text[] := people::text[];
BEGIN
  IF org LIKE '\_%' THEN
    RAISE EXCEPTION '% is no organization that can be erased', org;
  END IF;
  PERFORM set_config('paceline.redacts', 'yes', true);
  -- Its last plan, which closes it, says nothing; numbers go on from it.
  DELETE FROM plans WHERE plans.org_id = org AND number < (
    SELECT max(number) FROM plans AS newest
    WHERE newest.org_id = org AND newest.stream = plans.stream AND newest.partition = plans.partition);
  UPDATE audit_logs SET
    actor = CASE WHEN actor LIKE 'paceline %' THEN actor ELSE erased_text(actor) END,
    row_key = erased_text(row_key),
    before = erased_row(before),
    after = erased_row(after)
  WHERE action IN ('insert', 'update', 'delete') AND row_key NOT LIKE 'sha256:%' AND (
    audit_logs.org_id = org OR audit_logs.org_id = '_system' AND table_name IN ('users', 'credentials', 'identities')
      AND coalesce(after ->> 'user_id', before ->> 'user_id', row_key) = ANY (names));
  GET DIAGNOSTICS redacted = ROW_COUNT;
  PERFORM set_config('paceline.redacts', '', true);
  RETURN redacted;
END
$$;
REVOKE ALL ON FUNCTION redact_organization(name_id, uuid[]), erased_row(jsonb), erased_text(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION redact_organization(name_id, uuid[]) TO paceline_service;

-- It runs as the owner, whom row-level security binds too: outside of it the owner sees nothing.
CREATE FUNCTION redacts() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(current_setting('paceline.redacts', true), '') = 'yes'
$$;
CREATE POLICY owner_reads ON audit_logs FOR SELECT TO paceline_owner USING (paceline.redacts());
CREATE POLICY owner_redacts ON audit_logs FOR UPDATE TO paceline_owner USING (paceline.redacts()) WITH CHECK (true);
CREATE POLICY owner_reads ON plans FOR SELECT TO paceline_owner USING (paceline.redacts());
CREATE POLICY owner_erases ON plans FOR DELETE TO paceline_owner USING (paceline.redacts());
