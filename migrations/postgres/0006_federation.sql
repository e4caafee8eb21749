-- Logins through upstream providers, and whose accounts there are whose here.

-- One login on its way: from the button until the person is in, or has said which account is theirs.
CREATE TABLE upstream_login (
  -- SM3 of the state that the browser carries.
  state_hash BYTEA PRIMARY KEY,
  upstream_id TEXT NOT NULL,
  -- SM3 of the cookie of the browser that began.
  browser_hash BYTEA NOT NULL,
  network TEXT NOT NULL,
  -- What goes on afterwards.
  flow TEXT NOT NULL,
  -- Whose account is to be linked, when somebody who is logged in began.
  account_id TEXT REFERENCES account (id),
  -- 1 when the person was to authenticate again there.
  asked_again BIGINT NOT NULL,
  created_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL,
  consumed_us BIGINT,
  -- When nobody here is linked: SM3 of what the page carries, who came, sealed; and when that was answered.
  arrival_hash BYTEA UNIQUE,
  arrived_sealed BYTEA,
  finished_us BIGINT
);
CREATE INDEX upstream_login_expires ON upstream_login (expires_us);
CREATE INDEX upstream_login_network ON upstream_login (network, expires_us);

-- An issuer and a subject name one person there, and are one account's here; an account has one at each issuer.
CREATE TABLE upstream_link (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  account_id TEXT NOT NULL REFERENCES account (id),
  created_us BIGINT NOT NULL,
  PRIMARY KEY (issuer, subject),
  UNIQUE (account_id, issuer)
);

-- Whose session there a session here came from: when that ends, this does.
CREATE TABLE upstream_session (
  session_id TEXT PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  sid TEXT
);
CREATE INDEX upstream_session_subject ON upstream_session (issuer, subject);
CREATE INDEX upstream_session_sid ON upstream_session (issuer, sid) WHERE sid IS NOT NULL;
