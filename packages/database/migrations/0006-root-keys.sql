-- The root keys that each instance holds, by id. Null where a release wrote the row that does not say.
ALTER TABLE instances ADD COLUMN root_keys text[];

-- Those that things are sealed under, or were, in the order in which that began, whatever the clock said: each was held by
-- every live instance at the moment given.
CREATE TABLE root_keys (
  id    text PRIMARY KEY,
  n     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT limit_service('root_keys', 'SELECT, INSERT');

-- Whoever counts as live can read what others seal. Who takes a root key locks this table meanwhile, so that each row is
-- either seen by him or refused here. A release that does not say what it holds has the one that there was before.
CREATE FUNCTION refuse_without_root_key() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE taken text[];
BEGIN
  SELECT array_agg(id ORDER BY n) INTO taken FROM root_keys;
  IF taken IS NULL OR (cardinality(taken) = 1 AND NEW.root_keys IS NULL) OR taken[cardinality(taken)] = ANY (NEW.root_keys)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'this database is sealed under root key %, which this instance does not hold: give it the root keys that '
    'the other instances have (REKEY_ROOT_KEY), and their release', taken[cardinality(taken)]
    USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER instances_hold_root_key BEFORE INSERT OR UPDATE OF lease_until, root_keys ON instances
  FOR EACH ROW EXECUTE FUNCTION refuse_without_root_key();

-- Who signed a checkpoint: the beginning of what follows the name in the last line of a signed note tells its key. By it
-- the newest checkpoint of each signer is found, however many there are of others.
CREATE FUNCTION note_signer(note text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT substring(note FROM '\n\n— [^\s+]+ ([A-Za-z0-9+/]{5})')
$$;
CREATE INDEX audit_checkpoints_by_signer ON audit_checkpoints (note_signer(note), size);
