-- Three roles. The owner holds everything and is used by migrations alone; the service (the engine and
-- the commands) works for all organizations; a tenant sees and changes one organization.

-- A tenant's organization is the setting paceline.org_id, believed only with the pass that the service
-- asked for it. So SQL that somebody smuggled in cannot name another organization: it has no pass for it.
CREATE TABLE tenant_key (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  secret bytea NOT NULL
);
INSERT INTO tenant_key (secret) VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

CREATE FUNCTION tenant_mac(org text, expires bigint) RETURNS text LANGUAGE sql STABLE SET search_path = paceline, pg_temp AS $$
  SELECT encode(sha256(secret || sha256(secret || convert_to(expires::text || ':' || org, 'UTF8'))), 'hex') FROM tenant_key
$$;

CREATE FUNCTION tenant_pass(org text, valid_for interval) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  expires bigint := extract(epoch FROM clock_timestamp() + valid_for)::bigint;
BEGIN
  IF org IS NULL OR org !~ '^[A-Za-z0-9_.:-]{1,64}$' OR valid_for IS NULL OR valid_for > interval '1 day' THEN
    RAISE EXCEPTION 'a pass needs an organization and is valid for at most one day';
  END IF;
  RETURN expires::text || ':' || tenant_mac(org, expires);
END
$$;

-- Null when there is no organization, no pass, a wrong one or an old one: then no row is visible.
CREATE FUNCTION current_org() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  org text := current_setting('paceline.org_id', true);
  pass text := current_setting('paceline.org_pass', true);
  expires bigint;
BEGIN
  IF coalesce(org, '') = '' OR coalesce(pass, '') !~ '^[0-9]{1,12}:[0-9a-f]{64}$' THEN
    RETURN NULL;
  END IF;
  expires := split_part(pass, ':', 1)::bigint;
  IF expires < extract(epoch FROM clock_timestamp()) OR split_part(pass, ':', 2) <> tenant_mac(org, expires) THEN
    RETURN NULL;
  END IF;
  RETURN org;
END
$$;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['users', 'organizations', 'org_memberships', 'permissions', 'sessions', 'pipelines', 'rules', 'plans', 'audit_logs'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['org_memberships', 'permissions', 'plans', 'audit_logs'] LOOP
    EXECUTE format('CREATE POLICY tenant_reads ON %I FOR SELECT TO paceline_tenant USING (org_id = (SELECT paceline.current_org()))', name);
    EXECUTE format('GRANT SELECT ON %I TO paceline_tenant', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['pipelines', 'rules'] LOOP
    EXECUTE format('CREATE POLICY tenant_reads ON %I FOR SELECT TO paceline_tenant USING (org_id = (SELECT paceline.current_org()))', name);
    EXECUTE format('CREATE POLICY tenant_updates ON %I FOR UPDATE TO paceline_tenant USING (org_id = (SELECT paceline.current_org()) AND managed_by = ''database'') WITH CHECK (org_id = (SELECT paceline.current_org()) AND managed_by = ''database'')', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['users', 'organizations', 'org_memberships', 'permissions', 'sessions', 'pipelines', 'rules', 'plans'] LOOP
    EXECUTE format('CREATE POLICY service_all ON %I TO paceline_service USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO paceline_service', name);
  END LOOP;
END
$$;

CREATE POLICY tenant_inserts ON rules FOR INSERT TO paceline_tenant
  WITH CHECK (org_id = (SELECT paceline.current_org()) AND managed_by = 'database');
CREATE POLICY tenant_deletes ON rules FOR DELETE TO paceline_tenant
  USING (org_id = (SELECT paceline.current_org()) AND managed_by = 'database');
CREATE POLICY tenant_reads ON organizations FOR SELECT TO paceline_tenant USING (id = (SELECT paceline.current_org()));
CREATE POLICY tenant_reads ON users FOR SELECT TO paceline_tenant
  USING (id IN (SELECT user_id FROM paceline.org_memberships WHERE org_id = (SELECT paceline.current_org())));
CREATE POLICY service_reads ON audit_logs FOR SELECT TO paceline_service USING (true);
-- Only the trigger and the retention, which run as the owner, add rows.
CREATE POLICY owner_adds ON audit_logs FOR INSERT TO paceline_owner WITH CHECK (true);

GRANT SELECT ON organizations TO paceline_tenant;
GRANT SELECT (id, name, email) ON users TO paceline_tenant;
-- The topic of an organization is the operator's to choose.
GRANT SELECT, UPDATE (settings, rule_set) ON pipelines TO paceline_tenant;
GRANT SELECT, INSERT (org_id, id, rule_set, definition), UPDATE (rule_set, definition), DELETE ON rules TO paceline_tenant;
GRANT SELECT ON audit_logs, edits TO paceline_service;
GRANT SELECT, INSERT, UPDATE ON plan_positions TO paceline_service;
-- The ledger keeps what was appended.
REVOKE DELETE ON plans FROM paceline_service;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA paceline FROM PUBLIC;
GRANT EXECUTE ON FUNCTION current_org() TO paceline_tenant;
GRANT EXECUTE ON FUNCTION current_actor() TO paceline_tenant, paceline_service;
GRANT EXECUTE ON FUNCTION tenant_pass(text, interval), make_audit_partitions(integer) TO paceline_service;
