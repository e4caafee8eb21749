-- Applications that one official asks for and another approves; what is taken out of use.

CREATE TABLE application_request (
  id TEXT PRIMARY KEY,
  -- register, change, enable.
  kind TEXT NOT NULL,
  -- The application that it is about; of a registration, the one that came of it.
  client_id TEXT REFERENCES client (id),
  unit_id TEXT NOT NULL REFERENCES org_unit (id),
  -- What is asked for; and what was registered when it was asked.
  registration TEXT NOT NULL,
  registered TEXT,
  purpose TEXT NOT NULL,
  applicant_id TEXT NOT NULL REFERENCES account (id),
  -- submitted, approved, refused, withdrawn; with who decided, and why.
  state TEXT NOT NULL,
  decided_by TEXT REFERENCES account (id),
  decided_us INTEGER,
  reason TEXT,
  sample INTEGER NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;
CREATE INDEX application_request_state ON application_request (state, created_us);
CREATE INDEX application_request_client ON application_request (client_id, created_us);
CREATE INDEX application_request_applicant ON application_request (applicant_id, state);

-- Whose an application is, and when its secret was last made for somebody.
ALTER TABLE client ADD COLUMN unit_id TEXT REFERENCES org_unit (id);
ALTER TABLE client ADD COLUMN secret_us INTEGER;
-- Which official took it out of use, and since when it is in use again: nothing that was given before counts.
ALTER TABLE client ADD COLUMN disabled_by TEXT REFERENCES account (id);
ALTER TABLE client ADD COLUMN disabled_us INTEGER;
ALTER TABLE client ADD COLUMN disabled_reason TEXT;
ALTER TABLE client ADD COLUMN in_use_since_us INTEGER;

-- What an application was given and has still, for the day on which it is taken back.
CREATE INDEX auth_grant_client ON auth_grant (client_id, expires_us) WHERE revoked_us IS NULL;
