-- Registration by software: tokens that let it register, what others vouch for, documents that register, names that look alike.

-- Initial access tokens (RFC 7591, 3): by hash, each for a number of applications.
CREATE TABLE initial_access (
  id TEXT PRIMARY KEY,
  token_hash BLOB NOT NULL UNIQUE,
  note TEXT NOT NULL,
  made_by TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  applications_max INTEGER NOT NULL,
  applications INTEGER NOT NULL,
  withdrawn_us INTEGER
) STRICT;
CREATE INDEX initial_access_expires ON initial_access (expires_us);
-- Those that were given out before had no limit; now they have the usual one.
INSERT INTO initial_access (id, token_hash, note, made_by, created_us, expires_us, applications_max, applications, withdrawn_us)
  SELECT 'iat_0' || substr(lower(hex(code_hash)), 1, 25), code_hash, '', 'operator', created_us, expires_us, 20, 0, consumed_us
  FROM enrolment WHERE purpose = 'client-registration';
DELETE FROM enrolment WHERE purpose = 'client-registration';

-- The statement that vouches for the application (RFC 7591, 2.3), as it came.
ALTER TABLE client ADD COLUMN software_statement TEXT;
-- When the document was read that is the application's registration; null for all others.
ALTER TABLE client ADD COLUMN document_us INTEGER;
CREATE INDEX client_document ON client (document_us) WHERE document_us IS NOT NULL;
-- What its two names look like, when it is an application of the province; empty when it is a stranger's; null until it is worked out.
ALTER TABLE client ADD COLUMN name_skeleton_zh TEXT;
ALTER TABLE client ADD COLUMN name_skeleton_en TEXT;
CREATE INDEX client_name_zh ON client (name_skeleton_zh);
CREATE INDEX client_name_en ON client (name_skeleton_en);
