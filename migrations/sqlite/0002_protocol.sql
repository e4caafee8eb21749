-- The whole protocol: pushed requests, bound codes, things that may be shown once, revoked tokens, logout notices.

-- What was asked claim by claim and in detail, and the key that a public client's refresh tokens are bound to.
ALTER TABLE auth_grant ADD COLUMN claims TEXT;
ALTER TABLE auth_grant ADD COLUMN authorization_details TEXT;
ALTER TABLE auth_grant ADD COLUMN confirmation TEXT;
-- Every node reads here what was taken back while access tokens of it may still be about.
CREATE INDEX auth_grant_revoked ON auth_grant (revoked_us) WHERE revoked_us IS NOT NULL;

ALTER TABLE authorization_code ADD COLUMN dpop_jkt TEXT;

-- What a client manages its own registration with (RFC 7592).
ALTER TABLE client ADD COLUMN registration_token_hash BLOB;

-- What the person says of themselves: mail address, telephone number, postal address and the like, sealed.
ALTER TABLE account ADD COLUMN self_description_sealed BLOB;

-- Pushed authorization requests (RFC 9126), by the hash of their name.
CREATE TABLE pushed_request (
  name_hash BLOB PRIMARY KEY,
  client_id TEXT NOT NULL REFERENCES client (id),
  request TEXT NOT NULL,
  expires_us INTEGER NOT NULL,
  consumed_us INTEGER
) STRICT;
CREATE INDEX pushed_request_expires ON pushed_request (expires_us);

-- Identifiers of assertions and proofs that were shown, by hash, while they could be shown again.
CREATE TABLE used_jti (
  jti_hash BLOB PRIMARY KEY,
  expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX used_jti_expires ON used_jti (expires_us);

-- Access tokens that were taken back one by one (RFC 7009), while they would live.
CREATE TABLE revoked_token (
  jti TEXT PRIMARY KEY,
  revoked_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX revoked_token_revoked ON revoked_token (revoked_us);
CREATE INDEX revoked_token_expires ON revoked_token (expires_us);

-- Clients that must still be told of a logout (OIDC Back-Channel Logout 1.0).
CREATE TABLE logout_notice (
  id TEXT PRIMARY KEY,
  client_id TEXT NOT NULL REFERENCES client (id),
  session_id TEXT NOT NULL REFERENCES session (id),
  account_id TEXT NOT NULL REFERENCES account (id),
  attempts INTEGER NOT NULL,
  due_us INTEGER NOT NULL,
  ended_us INTEGER,
  outcome TEXT
) STRICT;
CREATE INDEX logout_notice_due ON logout_notice (due_us) WHERE ended_us IS NULL;

-- For those that sweep.
CREATE INDEX authorization_code_expires ON authorization_code (expires_us);
CREATE INDEX refresh_token_expires ON refresh_token (expires_us);
