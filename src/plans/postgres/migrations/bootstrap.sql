-- Roles, schema and the ledger of migrations. Runs before every migration, so each line may run again.
-- The roles carry no password and cannot log in: grant them to logins of your own.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['paceline_owner', 'paceline_service', 'paceline_tenant'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) THEN
      BEGIN
        EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        -- Roles belong to the whole cluster: another database was migrated at this very moment.
        NULL;
      END;
    END IF;
  END LOOP;
  IF NOT pg_catalog.pg_has_role(current_user, 'paceline_owner', 'MEMBER') THEN
    EXECUTE pg_catalog.format('GRANT paceline_owner TO %I', current_user);
  END IF;
  -- The service reads for the people of one organization with their rights, not with its own.
  IF NOT pg_catalog.pg_has_role('paceline_service', 'paceline_tenant', 'MEMBER') THEN
    EXECUTE 'GRANT paceline_tenant TO paceline_service';
  END IF;
END
$$;

DO $$
BEGIN
  IF pg_catalog.to_regnamespace('paceline') IS NULL THEN
    CREATE SCHEMA paceline AUTHORIZATION paceline_owner;
  END IF;
END
$$;

GRANT USAGE ON SCHEMA paceline TO paceline_service, paceline_tenant;

SET LOCAL ROLE paceline_owner;

CREATE TABLE IF NOT EXISTS paceline.schema_migrations (
  number integer PRIMARY KEY CHECK (number > 0),
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  applied_by text NOT NULL DEFAULT session_user
);

GRANT SELECT ON paceline.schema_migrations TO paceline_service;
