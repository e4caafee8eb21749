-- What was shown once is looked for by half of its hash: 128 bits tell any two apart, and a page holds half as many again.
-- A value that cannot be makes its transaction fail in any case. With FAIL, SQLite keeps no copy of every page that a statement for many
-- touches, from which it could take back the first rows of it alone.
CREATE TABLE used_jti_by_half (
  jti_hash BLOB NOT NULL ON CONFLICT FAIL PRIMARY KEY,
  expires_us INTEGER NOT NULL ON CONFLICT FAIL
) STRICT, WITHOUT ROWID;
INSERT INTO used_jti_by_half SELECT substr(jti_hash, 1, 16), expires_us FROM used_jti;
DROP TABLE used_jti;
ALTER TABLE used_jti_by_half RENAME TO used_jti;
CREATE INDEX used_jti_expires ON used_jti (expires_us);
