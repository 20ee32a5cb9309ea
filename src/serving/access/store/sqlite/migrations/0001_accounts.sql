-- The accounts of an engine that has no PostgreSQL: the same tables and columns, instants as ms since 1970.
-- Each is changed only by paceline, which writes audit_logs by temporary triggers of its own.

CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  disabled_at INTEGER
) STRICT;

CREATE TABLE organizations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE org_memberships (
  org_id TEXT NOT NULL REFERENCES organizations ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, user_id)
) STRICT;

CREATE TABLE permissions (
  org_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  action TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, user_id, action),
  FOREIGN KEY (org_id, user_id) REFERENCES org_memberships ON DELETE CASCADE
) STRICT;

CREATE TABLE credentials (
  user_id TEXT PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  password_hash TEXT NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT;

CREATE TABLE operators (
  user_id TEXT PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  token_hash BLOB NOT NULL UNIQUE,
  method TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  PRIMARY KEY (org_id, id)
) STRICT;
CREATE INDEX sessions_of_person ON sessions (user_id, created_at);

CREATE TABLE operator_visits (
  org_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, session_id)
) STRICT;

CREATE TABLE api_keys (
  org_id TEXT NOT NULL REFERENCES organizations ON DELETE CASCADE,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL UNIQUE,
  key_hash BLOB NOT NULL,
  scopes TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  PRIMARY KEY (org_id, id)
) STRICT;

CREATE TABLE api_key_uses (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  used_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, id) REFERENCES api_keys ON DELETE CASCADE
) STRICT;

CREATE TABLE invitations (
  org_id TEXT NOT NULL REFERENCES organizations ON DELETE CASCADE,
  id TEXT NOT NULL,
  email TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  token_hash BLOB NOT NULL UNIQUE,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  accepted_at INTEGER,
  revoked_at INTEGER,
  PRIMARY KEY (org_id, id)
) STRICT;

CREATE TABLE configurations (
  org_id TEXT NOT NULL REFERENCES organizations ON DELETE CASCADE,
  name TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  document TEXT CHECK (length(CAST(document AS BLOB)) <= 262144),
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, name, version)
) STRICT;

CREATE TABLE audit_logs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  org_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  table_name TEXT NOT NULL,
  row_key TEXT NOT NULL,
  before TEXT,
  after TEXT,
  request_id TEXT
) STRICT;
CREATE INDEX audit_logs_newest ON audit_logs (org_id, at, id);
CREATE INDEX audit_logs_of_actor ON audit_logs (org_id, actor, at);
CREATE INDEX audit_logs_of_row ON audit_logs (org_id, table_name, row_key, at);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit_logs BEGIN SELECT RAISE(ABORT, 'audit_logs is append-only'); END;
CREATE TRIGGER audit_stays_whole BEFORE DELETE ON audit_logs BEGIN SELECT RAISE(ABORT, 'audit_logs is append-only'); END;
