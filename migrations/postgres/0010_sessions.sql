-- A session that nobody uses ends; the one that was used longest ago makes room.

-- When its browser last used it, to within a few minutes; null for a session that no browser is in.
ALTER TABLE session ADD COLUMN used_us BIGINT;
-- Of those that are there already nobody knows: their idle time begins now.
UPDATE session SET used_us = CAST(extract(epoch FROM now()) * 1000000 AS BIGINT) WHERE network <> 'assertion';
