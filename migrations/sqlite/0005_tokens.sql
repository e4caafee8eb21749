-- Opaque access tokens, and since when a key is in its state.

-- Access tokens that say nothing by themselves, by hash; what they say, as JSON, while they live.
CREATE TABLE opaque_token (
  token_hash BLOB PRIMARY KEY,
  claims TEXT NOT NULL,
  expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX opaque_token_expires ON opaque_token (expires_us);

-- Since its making where nothing stands.
ALTER TABLE kms_key ADD COLUMN since_us INTEGER;
