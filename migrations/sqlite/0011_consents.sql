-- Who allowed an application something, for the day on which that ends for all of them.
CREATE INDEX consent_client ON consent (client_id) WHERE withdrawn_us IS NULL;
