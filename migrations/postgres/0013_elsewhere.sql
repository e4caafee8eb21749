-- What a person gave an application on another device says nothing of whether they are still in the browser.

-- Whether the application is elsewhere than the browser in which the grant was given: it asked over the device or the backchannel channel.
-- Of those that are there already it is not said; those that may not come without the person end within the day.
ALTER TABLE auth_grant ADD COLUMN elsewhere BIGINT NOT NULL DEFAULT 0;
