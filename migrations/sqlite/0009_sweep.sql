-- Grants and sessions are taken away when nothing can come of them any more, and nothing refers to them.

-- Until when something that refers to the session may be about, rounded up to whole days.
ALTER TABLE session ADD COLUMN kept_us INTEGER NOT NULL DEFAULT 0;
-- No grant of a session that is there already lives longer than 90 days from now, which is at most half a day after its login.
UPDATE session SET kept_us = expires_us + 7776000000000;
CREATE INDEX session_kept ON session (kept_us);
CREATE INDEX auth_grant_expires ON auth_grant (expires_us);

-- For the references to what is taken away.
CREATE INDEX authorization_code_grant ON authorization_code (grant_id);
CREATE INDEX deferred_request_grant ON deferred_request (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX logout_notice_session ON logout_notice (session_id);

-- What was taken back is read page by page, in the order of time and name.
DROP INDEX auth_grant_revoked;
CREATE INDEX auth_grant_revoked ON auth_grant (revoked_us, id) WHERE revoked_us IS NOT NULL;
DROP INDEX revoked_token_revoked;
CREATE INDEX revoked_token_revoked ON revoked_token (revoked_us, jti);
