-- Everything of the first release. Times are microseconds since 1970 (`*_us`); JSON is TEXT, parsed in Rust.
-- The PostgreSQL twin has the same tables and columns; a test compares the two.

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;

-- Keys: private halves wrapped by the master key, never in the clear.
CREATE TABLE kms_key (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  state TEXT NOT NULL,
  public_key BLOB NOT NULL,
  wrapped BLOB NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;
CREATE INDEX kms_key_purpose ON kms_key (purpose, state);

CREATE TABLE certificate (
  serial TEXT PRIMARY KEY,
  profile TEXT NOT NULL,
  subject TEXT NOT NULL,
  issuer_serial TEXT,
  key_id TEXT NOT NULL REFERENCES kms_key (id),
  der BLOB NOT NULL,
  fingerprint BLOB NOT NULL UNIQUE,
  revoked_us INTEGER,
  created_us INTEGER NOT NULL
) STRICT;
CREATE INDEX certificate_profile ON certificate (profile, created_us);

-- People, organisations, officials.
CREATE TABLE org_unit (
  id TEXT PRIMARY KEY,
  parent_id TEXT REFERENCES org_unit (id),
  level TEXT NOT NULL,
  code TEXT NOT NULL UNIQUE,
  name_zh TEXT NOT NULL,
  name_en TEXT NOT NULL,
  uscc TEXT,
  path TEXT NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;
CREATE INDEX org_unit_parent ON org_unit (parent_id);

CREATE TABLE account (
  id TEXT PRIMARY KEY,
  user_name TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  password_hash TEXT,
  real_name_level INTEGER NOT NULL,
  id_number_sealed BLOB,
  id_number_index BLOB UNIQUE,
  state TEXT NOT NULL,
  sample INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL
) STRICT;

CREATE TABLE official (
  account_id TEXT PRIMARY KEY REFERENCES account (id),
  unit_id TEXT NOT NULL REFERENCES org_unit (id),
  post TEXT NOT NULL,
  clearance INTEGER NOT NULL,
  roles TEXT NOT NULL,
  state TEXT NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;
CREATE INDEX official_unit ON official (unit_id);

CREATE TABLE legal_person (
  id TEXT PRIMARY KEY,
  uscc TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  sample INTEGER NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE agent (
  legal_person_id TEXT NOT NULL REFERENCES legal_person (id),
  account_id TEXT NOT NULL REFERENCES account (id),
  role TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  PRIMARY KEY (legal_person_id, account_id)
) STRICT;

-- One-time codes for enrolling administrators: only the hash is kept.
CREATE TABLE enrolment (
  code_hash BLOB PRIMARY KEY,
  purpose TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  consumed_us INTEGER
) STRICT;

-- Single sign-on.
CREATE TABLE client (
  id TEXT PRIMARY KEY,
  metadata TEXT NOT NULL,
  secret_hash BLOB,
  state TEXT NOT NULL,
  sample INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
  id TEXT PRIMARY KEY,
  token_hash BLOB NOT NULL UNIQUE,
  account_id TEXT NOT NULL REFERENCES account (id),
  acr TEXT NOT NULL,
  amr TEXT NOT NULL,
  network TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  auth_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  ended_us INTEGER
) STRICT;
CREATE INDEX session_account ON session (account_id, ended_us);

CREATE TABLE consent (
  account_id TEXT NOT NULL REFERENCES account (id),
  client_id TEXT NOT NULL REFERENCES client (id),
  scopes TEXT NOT NULL,
  granted_us INTEGER NOT NULL,
  withdrawn_us INTEGER,
  PRIMARY KEY (account_id, client_id)
) STRICT;

-- A grant is one authorization by one person to one client: the code, the tokens and their successors hang from it.
CREATE TABLE auth_grant (
  id TEXT PRIMARY KEY,
  client_id TEXT NOT NULL REFERENCES client (id),
  account_id TEXT NOT NULL REFERENCES account (id),
  session_id TEXT NOT NULL REFERENCES session (id),
  scopes TEXT NOT NULL,
  resources TEXT NOT NULL,
  nonce TEXT,
  acr TEXT NOT NULL,
  amr TEXT NOT NULL,
  auth_us INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  revoked_us INTEGER,
  revoked_reason TEXT
) STRICT;
CREATE INDEX auth_grant_session ON auth_grant (session_id);
CREATE INDEX auth_grant_account ON auth_grant (account_id, client_id);

CREATE TABLE authorization_code (
  code_hash BLOB PRIMARY KEY,
  grant_id TEXT NOT NULL REFERENCES auth_grant (id),
  redirect_uri TEXT NOT NULL,
  code_challenge TEXT NOT NULL,
  expires_us INTEGER NOT NULL,
  consumed_us INTEGER
) STRICT;

CREATE TABLE refresh_token (
  token_hash BLOB PRIMARY KEY,
  grant_id TEXT NOT NULL REFERENCES auth_grant (id),
  expires_us INTEGER NOT NULL,
  consumed_us INTEGER
) STRICT;
CREATE INDEX refresh_token_grant ON refresh_token (grant_id);

CREATE TABLE login_failure (
  id TEXT PRIMARY KEY,
  account_key BLOB NOT NULL,
  network TEXT NOT NULL,
  device BLOB,
  at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX login_failure_account ON login_failure (account_key, at_us);
CREATE INDEX login_failure_network ON login_failure (network, at_us);
CREATE INDEX login_failure_at ON login_failure (at_us);

CREATE TABLE known_device (
  account_id TEXT NOT NULL REFERENCES account (id),
  device_hash BLOB NOT NULL,
  seen_us INTEGER NOT NULL,
  PRIMARY KEY (account_id, device_hash)
) STRICT;

-- Signals that move trust.
CREATE TABLE trust_signal (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  kind TEXT NOT NULL,
  severity TEXT NOT NULL,
  reported_by TEXT NOT NULL,
  detail TEXT NOT NULL,
  reported_us INTEGER NOT NULL,
  resolved_us INTEGER
) STRICT;
CREATE INDEX trust_signal_subject ON trust_signal (subject, reported_us);

-- The catalogue of graded data (GB/T 43697): what a decision knows of a data set.
CREATE TABLE data_set (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  unit_id TEXT NOT NULL REFERENCES org_unit (id),
  grade INTEGER NOT NULL,
  sample INTEGER NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;

-- Seals and e-certificates.
CREATE TABLE seal (
  id TEXT PRIMARY KEY,
  es_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  unit_id TEXT NOT NULL REFERENCES org_unit (id),
  signer_certificate TEXT NOT NULL REFERENCES certificate (serial),
  esl BLOB NOT NULL,
  state TEXT NOT NULL,
  sample INTEGER NOT NULL,
  valid_from_us INTEGER NOT NULL,
  valid_until_us INTEGER NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;
CREATE INDEX seal_unit ON seal (unit_id);

CREATE TABLE sealing (
  id TEXT PRIMARY KEY,
  seal_id TEXT NOT NULL REFERENCES seal (id),
  actor TEXT NOT NULL,
  original_digest BLOB NOT NULL,
  sealed_digest BLOB NOT NULL,
  audit_entry_id TEXT NOT NULL,
  sealed_us INTEGER NOT NULL
) STRICT;
CREATE INDEX sealing_digest ON sealing (sealed_digest);

CREATE TABLE ecert_type (
  code TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  unit_id TEXT NOT NULL REFERENCES org_unit (id),
  seal_id TEXT NOT NULL REFERENCES seal (id),
  sample INTEGER NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE ecert (
  identifier TEXT PRIMARY KEY,
  type_code TEXT NOT NULL REFERENCES ecert_type (code),
  serial TEXT NOT NULL,
  version INTEGER NOT NULL,
  holder_name TEXT NOT NULL,
  holder_index BLOB NOT NULL,
  metadata TEXT NOT NULL,
  file BLOB NOT NULL,
  file_digest BLOB NOT NULL,
  state TEXT NOT NULL,
  audit_entry_id TEXT NOT NULL,
  issued_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL,
  UNIQUE (type_code, serial, version)
) STRICT;
CREATE INDEX ecert_holder ON ecert (holder_index);
CREATE INDEX ecert_digest ON ecert (file_digest);

-- The log. An entry is written with its effect; the sequencer gives it its place later.
CREATE TABLE audit_entry (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  body BLOB NOT NULL,
  leaf_hash BLOB NOT NULL,
  at_us INTEGER NOT NULL,
  seq INTEGER UNIQUE
) STRICT;
CREATE INDEX audit_entry_unsequenced ON audit_entry (id) WHERE seq IS NULL;
CREATE INDEX audit_entry_subject ON audit_entry (subject, kind, at_us, id);

CREATE TABLE audit_tile (
  level INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (level, idx)
) STRICT;

CREATE TABLE audit_checkpoint (
  size INTEGER PRIMARY KEY,
  root BLOB NOT NULL,
  note TEXT NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;

-- One row: the size of the sequenced log. Moved by compare-and-swap, so that two sequencers cannot both go on.
CREATE TABLE audit_head (
  id INTEGER PRIMARY KEY,
  size INTEGER NOT NULL
) STRICT;
INSERT INTO audit_head (id, size) VALUES (1, 0);
