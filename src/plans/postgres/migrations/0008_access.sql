-- How people prove who they are, keys for programs, invitations, and documents that organizations keep.

CREATE TABLE credentials (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  password_hash text NOT NULL CHECK (password_hash ~ '^\$argon2id\$' AND length(password_hash) <= 300),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN credentials.password_hash IS 'argon2id with its parameters and salt; the password itself is stored nowhere.';

CREATE TABLE identities (
  issuer text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 500),
  subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 500),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_of_user ON identities (user_id);
COMMENT ON TABLE identities IS 'Who a user is at an OpenID provider. Nobody is ever matched by an e-mail address alone.';

CREATE TABLE operators (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE operators IS 'Users who may enter every organization; each first entry of a session is in the audit log of the organization.';

-- A session belongs to a person, and its holder may enter any organization that the person is a member of when
-- the call is made. org_id is where it was opened.
ALTER TABLE sessions DROP CONSTRAINT sessions_org_id_user_id_fkey;
ALTER TABLE sessions ADD CONSTRAINT sessions_user_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE sessions ADD COLUMN method text NOT NULL DEFAULT 'password' CHECK (method IN ('password', 'oidc', 'link', 'invitation'));
CREATE INDEX sessions_of_person ON sessions (user_id, created_at);

CREATE TABLE operator_visits (
  org_id name_id NOT NULL,
  session_id uuid NOT NULL,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, session_id)
);

CREATE TABLE api_keys (
  org_id name_id NOT NULL REFERENCES organizations ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  prefix text NOT NULL CHECK (prefix ~ '^[a-z2-7]{12}$'),
  key_hash bytea NOT NULL CHECK (octet_length(key_hash) = 32),
  scopes text NOT NULL CHECK (length(scopes) <= 2000),
  created_by text NOT NULL CHECK (length(created_by) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT api_keys_prefix_once UNIQUE (prefix)
);
COMMENT ON COLUMN api_keys.scopes IS 'What its holder may, as pacing.read, parted by spaces.';

-- Beside the keys, because a use is no change that the audit log should hold.
CREATE TABLE api_key_uses (
  org_id name_id NOT NULL,
  id uuid NOT NULL,
  used_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, id) REFERENCES api_keys ON DELETE CASCADE
);

CREATE TABLE invitations (
  org_id name_id NOT NULL REFERENCES organizations ON DELETE CASCADE,
  id uuid NOT NULL,
  email text NOT NULL CHECK (email = lower(email) AND email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(email) <= 254),
  role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  created_by text NOT NULL CHECK (length(created_by) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz,
  revoked_at timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT invitations_token_once UNIQUE (token_hash)
);

CREATE TABLE configurations (
  org_id name_id NOT NULL REFERENCES organizations ON DELETE CASCADE,
  name name_id NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  document text CHECK (octet_length(document) <= 262144),
  created_by text NOT NULL CHECK (length(created_by) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, name, version)
);
COMMENT ON TABLE configurations IS 'Documents of an organization (views, routes of notifications), a row a version; the newest is in force, null = taken away.';

-- Which call changed it, and two questions that people ask of the log.
ALTER TABLE audit_logs ADD COLUMN request_id text CHECK (length(request_id) BETWEEN 1 AND 100);
COMMENT ON COLUMN audit_logs.request_id IS 'What the setting paceline.request_id says: the call that changed it.';
CREATE INDEX audit_logs_of_actor ON audit_logs (org_id, actor, at);
CREATE INDEX audit_logs_of_row ON audit_logs (org_id, table_name, row_key, at);

CREATE OR REPLACE FUNCTION write_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  some_row jsonb := coalesce(new_row, old_row);
  org text := CASE TG_TABLE_NAME WHEN 'organizations' THEN some_row ->> 'id' ELSE coalesce(some_row ->> 'org_id', '_system') END;
  request text := left(nullif(current_setting('paceline.request_id', true), ''), 100);
  key text;
  hidden text[] := ARRAY['token_hash', 'key_hash', 'password_hash'];
BEGIN
  SELECT string_agg(some_row ->> name, '/') INTO key FROM unnest(TG_ARGV) AS name;
  BEGIN
    INSERT INTO audit_logs (org_id, actor, action, table_name, row_key, before, after, request_id)
    VALUES (org, current_actor(), lower(TG_OP), TG_TABLE_NAME, key, old_row - hidden, new_row - hidden, request);
  EXCEPTION WHEN check_violation THEN
    -- No partition for this month: nobody made them ahead for a long time. An edit must not fail for it.
    PERFORM make_audit_partitions(1);
    INSERT INTO audit_logs (org_id, actor, action, table_name, row_key, before, after, request_id)
    VALUES (org, current_actor(), lower(TG_OP), TG_TABLE_NAME, key, old_row - hidden, new_row - hidden, request);
  END;
  RETURN NULL;
END
$$;
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON credentials FOR EACH ROW EXECUTE FUNCTION write_audit('user_id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON identities FOR EACH ROW EXECUTE FUNCTION write_audit('issuer', 'subject');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON operators FOR EACH ROW EXECUTE FUNCTION write_audit('user_id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON operator_visits FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'session_id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON invitations FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'id');
CREATE TRIGGER write_audit AFTER INSERT OR UPDATE OR DELETE ON configurations FOR EACH ROW EXECUTE FUNCTION write_audit('org_id', 'name', 'version');

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['credentials', 'identities', 'operators', 'operator_visits', 'api_keys', 'api_key_uses', 'invitations', 'configurations'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY service_all ON %I TO paceline_service USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO paceline_service', name);
  END LOOP;
  -- What people of an organization may see of it; hashes of tokens never.
  FOREACH name IN ARRAY ARRAY['api_keys', 'api_key_uses', 'invitations', 'configurations'] LOOP
    EXECUTE format('CREATE POLICY tenant_reads ON %I FOR SELECT TO paceline_tenant USING (org_id = (SELECT paceline.current_org()))', name);
  END LOOP;
END
$$;
GRANT SELECT (disabled_at, created_at) ON users TO paceline_tenant;
GRANT SELECT (org_id, id, name, prefix, scopes, created_by, created_at, expires_at, revoked_at) ON api_keys TO paceline_tenant;
GRANT SELECT ON api_key_uses, configurations TO paceline_tenant;
GRANT SELECT (org_id, id, email, role, created_by, created_at, expires_at, accepted_at, revoked_at) ON invitations TO paceline_tenant;
