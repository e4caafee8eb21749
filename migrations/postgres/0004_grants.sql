-- Requests that a person answers elsewhere: by a device's code (RFC 8628), or asked by us (OpenID Connect CIBA).

CREATE TABLE deferred_request (
  id TEXT PRIMARY KEY,
  -- SM3 of the device code, or of what the application got in its place.
  code_hash BYTEA NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  client_id TEXT NOT NULL REFERENCES client (id),
  -- Keyed hash of what the person types, for finding it; none when the person is asked by us.
  user_code_index BYTEA UNIQUE,
  -- Who is asked; none when whoever has the code is.
  account_id TEXT REFERENCES account (id),
  asked TEXT NOT NULL,
  network TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL,
  interval_us BIGINT NOT NULL,
  polled_us BIGINT,
  -- allowed, denied; with the grant that was given.
  answer TEXT,
  answered_us BIGINT,
  grant_id TEXT REFERENCES auth_grant (id),
  consumed_us BIGINT,
  -- What the application is told with that there is an answer, sealed; and when it must still be told.
  ping_token_sealed BYTEA,
  ping_attempts BIGINT NOT NULL,
  ping_due_us BIGINT
);
CREATE INDEX deferred_request_expires ON deferred_request (expires_us);
CREATE INDEX deferred_request_client ON deferred_request (client_id, network, expires_us);
CREATE INDEX deferred_request_account ON deferred_request (account_id, created_us) WHERE account_id IS NOT NULL;
CREATE INDEX deferred_request_ping ON deferred_request (ping_due_us) WHERE ping_due_us IS NOT NULL;
