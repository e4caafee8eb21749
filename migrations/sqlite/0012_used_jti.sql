-- What was shown once is looked for by its hash alone, so the hash is where it lies: one page is written for each instead of two.
CREATE TABLE used_jti_by_hash (
  jti_hash BLOB PRIMARY KEY,
  expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO used_jti_by_hash SELECT jti_hash, expires_us FROM used_jti;
DROP TABLE used_jti;
ALTER TABLE used_jti_by_hash RENAME TO used_jti;
CREATE INDEX used_jti_expires ON used_jti (expires_us);
