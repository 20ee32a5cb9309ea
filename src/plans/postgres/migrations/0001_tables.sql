-- Who there is, what each organization decided, and what became of it.

CREATE DOMAIN name_id AS text CHECK (VALUE ~ '^[A-Za-z0-9_.:-]{1,64}$');

CREATE TABLE users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email text NOT NULL CHECK (email = lower(email) AND email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(email) <= 254),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  disabled_at timestamptz,
  CONSTRAINT users_email_once UNIQUE (email)
);

CREATE TABLE organizations (
  id name_id PRIMARY KEY CONSTRAINT organizations_id_reserved CHECK (id NOT LIKE '\_%' OR id = '_default'),
  name text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
  managed_by text NOT NULL DEFAULT 'database' CHECK (managed_by IN ('database', 'files')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE organizations IS 'Organizations with a plan of their own; all others follow _default, whose pipeline holds the defaults and whose rules hold for everyone.';
COMMENT ON COLUMN organizations.managed_by IS 'files: paceline apply owns this row and only it may change it.';

CREATE TABLE org_memberships (
  org_id name_id NOT NULL REFERENCES organizations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, user_id)
);
CREATE INDEX org_memberships_of_user ON org_memberships (user_id, org_id);

CREATE TABLE permissions (
  org_id name_id NOT NULL,
  user_id uuid NOT NULL,
  action text NOT NULL CHECK (action ~ '^[a-z]+\.[a-z_]+$' AND length(action) <= 64),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, user_id, action),
  FOREIGN KEY (org_id, user_id) REFERENCES org_memberships ON DELETE CASCADE
);

COMMENT ON TABLE permissions IS 'What a member may do beyond the role of the membership, as in rules.write.';

CREATE TABLE sessions (
  org_id name_id NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, user_id) REFERENCES org_memberships ON DELETE CASCADE,
  CONSTRAINT sessions_token_once UNIQUE (token_hash),
  CHECK (expires_at > created_at)
);
CREATE INDEX sessions_of_user ON sessions (org_id, user_id);

COMMENT ON COLUMN sessions.token_hash IS 'SHA-256 of the token; the token itself is stored nowhere.';

CREATE TABLE pipelines (
  org_id name_id NOT NULL REFERENCES organizations ON DELETE RESTRICT,
  id name_id NOT NULL,
  is_enabled boolean NOT NULL DEFAULT true,
  source_topic text CHECK (source_topic ~ '^[A-Za-z0-9._-]{1,249}$'),
  rule_set name_id NOT NULL DEFAULT 'standard',
  sinks text[] NOT NULL DEFAULT ARRAY['clickhouse', 'bronze', 'alerts', 'dead_letters'],
  settings text NOT NULL DEFAULT '{}' CHECK (octet_length(settings) <= 524288),
  managed_by text NOT NULL DEFAULT 'database' CHECK (managed_by IN ('database', 'files')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX pipelines_one_enabled ON pipelines (org_id) WHERE is_enabled;

COMMENT ON TABLE pipelines IS 'How an organization is paced. At most one pipeline of an organization is enabled; none means the defaults alone.';
COMMENT ON COLUMN pipelines.source_topic IS 'Topic that carries its events; null is the topic that the engine reads.';
COMMENT ON COLUMN pipelines.rule_set IS 'The rules of this set hold: those of the organization and those of _default.';
COMMENT ON COLUMN pipelines.settings IS 'YAML or JSON, as a section of organizations.yaml.';

CREATE TABLE rules (
  org_id name_id NOT NULL REFERENCES organizations ON DELETE RESTRICT,
  id name_id NOT NULL,
  rule_set name_id NOT NULL DEFAULT 'standard',
  definition text NOT NULL CHECK (octet_length(definition) BETWEEN 1 AND 65536),
  managed_by text NOT NULL DEFAULT 'database' CHECK (managed_by IN ('database', 'files')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id)
);

COMMENT ON COLUMN rules.org_id IS '_default: the rule holds for every organization.';
COMMENT ON COLUMN rules.definition IS 'YAML or JSON, as a file of config/rules/, without the key organizations.';

-- No reference to organizations: those that only files name, and those that are gone, have plans too.
CREATE TABLE plans (
  org_id name_id NOT NULL,
  stream text NOT NULL CHECK (length(stream) BETWEEN 1 AND 300),
  topic text NOT NULL CHECK (topic ~ '^[A-Za-z0-9._-]{1,249}$'),
  partition integer NOT NULL CHECK (partition >= 0),
  number bigint NOT NULL CHECK (number BETWEEN 1 AND 4294967295),
  hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
  body text CHECK (octet_length(body) <= 524288),
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'appended', 'found')),
  log_offset bigint CHECK (log_offset >= 0),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  appended_at timestamptz,
  PRIMARY KEY (org_id, stream, partition, number),
  CHECK ((state = 'appended') = (log_offset IS NOT NULL)),
  CHECK (state = 'found' OR body IS NOT NULL)
);
CREATE UNIQUE INDEX plans_one_pending ON plans (org_id, stream, partition) WHERE state = 'pending';

COMMENT ON TABLE plans IS 'Ledger of the plans that were appended to a log, by the identity of that log.';
COMMENT ON COLUMN plans.state IS 'pending: about to be appended. appended: in the log, at log_offset. found: in the log before this ledger knew it.';

INSERT INTO organizations (id, name) VALUES ('_default', 'Every organization');
