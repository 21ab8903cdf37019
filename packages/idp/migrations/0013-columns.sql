-- Agents that were made when an estate was set up. Their owner told them apart until now, and is to be encrypted.
ALTER TABLE agents ADD COLUMN set_up boolean NOT NULL DEFAULT false;
UPDATE agents SET set_up = true, owner = NULL WHERE owner = 'rekey setup';

-- A release that knows nothing of encrypted columns takes every keyring for one that signs, and would show what is encrypted as
-- it lies there. Those that know say so beside the ids of the keys that they hold. The keyring begins when no other is live, and
-- from then on no other is let in. Whoever begins it locks the instances meanwhile: each is either seen by him or refused here.
CREATE FUNCTION refuse_without_columns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF 'columns' = ANY (NEW.root_keys) OR NOT EXISTS (SELECT FROM keyrings WHERE name = 'columns') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'columns of this database are encrypted, of which this release knows nothing: give the instance the release of '
    'the others'
    USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER instances_know_columns BEFORE INSERT OR UPDATE OF lease_until, root_keys ON instances
  FOR EACH ROW EXECUTE FUNCTION refuse_without_columns();

CREATE FUNCTION columns_known_everywhere() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE instances IN SHARE ROW EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM instances WHERE lease_until > clock_timestamp() AND ('columns' = ANY (root_keys)) IS NOT TRUE) THEN
    RAISE EXCEPTION 'an instance of a release that knows nothing of encrypted columns is live'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER keyrings_begin_columns BEFORE INSERT ON keyrings
  FOR EACH ROW WHEN (NEW.name = 'columns') EXECUTE FUNCTION columns_known_everywhere();

SELECT encrypt_column('agents', 'email', 'agent_id');
SELECT encrypt_column('agents', 'owner', 'agent_id');

-- Whether instances encrypt anew by themselves what lies under another key than the one in use, and how fast in all.
CREATE TABLE column_sweeping (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  is_paused  boolean NOT NULL DEFAULT false,
  per_second integer CHECK (per_second > 0),
  by         text NOT NULL,
  since      timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO column_sweeping (by) VALUES ('rekey');
SELECT limit_service('column_sweeping', 'SELECT, UPDATE');
