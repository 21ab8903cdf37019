-- The root keys that each instance holds, by id. Null where a release wrote the row that does not say.
ALTER TABLE instances ADD COLUMN root_keys text[];

-- Those that things are sealed under, or were: each was held by every live instance at the moment given.
CREATE TABLE root_keys (
  id    text PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT limit_service('root_keys', 'SELECT, INSERT');

-- Who signed a checkpoint: the beginning of what follows the name in the last line of a signed note tells its key. By it
-- the newest checkpoint of each signer is found, however many there are of others.
CREATE FUNCTION note_signer(note text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT substring(note FROM '\n\n— [^\s+]+ ([A-Za-z0-9+/]{5})')
$$;
CREATE INDEX audit_checkpoints_by_signer ON audit_checkpoints (note_signer(note), size);
