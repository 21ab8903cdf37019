-- Of which version of a credential it was told that it expires soon: the time at which that one came into use, which no other
-- has. A release that knows nothing of it leaves it alone, and a new version differs from it by itself.
ALTER TABLE credentials ADD COLUMN expiry_told timestamptz;
-- What expires, in that order, for lists and counts.
CREATE INDEX credentials_expiring ON credentials (expires_at, credential_id) INCLUDE (agent_id)
  WHERE status = 'active' AND expires_at IS NOT NULL;
-- The same without those of which it was told: all that the scan reads.
CREATE INDEX credentials_to_tell_of ON credentials (expires_at, credential_id) INCLUDE (agent_id)
  WHERE status = 'active' AND expires_at IS NOT NULL AND expiry_told IS DISTINCT FROM rotated_at;

-- Signing keys as AgentIdP has them in a table, for its runbook and for whoever looks at them by SQL. A key that retires leaves the
-- key set at `expires_at`, when no token that it signed can be valid any more.
CREATE FUNCTION moment_in(version jsonb, member text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
  SELECT to_timestamp((version ->> member)::numeric / 1000)
$$;
CREATE VIEW oidc_keys AS
  SELECT version ->> 'id' AS kid, document ->> 'algorithm' AS algorithm, name AS keyring, version ->> 'state' AS state,
    version ->> 'state' = 'active' AS active, version -> 'publicPart' AS public_key,
    moment_in(version, 'preparedAt') AS created_at, moment_in(version, 'activatedAt') AS activated_at,
    CASE version ->> 'state' WHEN 'retiring' THEN moment_in(version, 'demotedAt') + interval '1 millisecond'
      * ((document #>> '{policy,maxTokenTtlMs}')::bigint + (document #>> '{policy,skewMs}')::bigint) END AS expires_at,
    moment_in(version, 'retiredAt') AS retired_at, moment_in(version, 'revokedAt') AS revoked_at
  FROM keyrings CROSS JOIN LATERAL jsonb_array_elements(document -> 'versions') AS version
  WHERE kind = 'signing-key';

-- UPDATE oidc_keys SET active = false WHERE active = true asks for a rotation, as `rekey rotate` does: it is written into the
-- document, and instances carry it out. The key stays active until its successor is, so that no token fails meanwhile.
CREATE FUNCTION ask_for_rotation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found jsonb;
  asked jsonb := jsonb_build_object('requestedAt', floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    'by', 'database role ' || session_user, 'forced', false, 'reason', 'UPDATE oidc_keys');
  number bigint;
BEGIN
  IF NEW.active IS NOT FALSE OR to_jsonb(NEW) - 'active' <> to_jsonb(OLD) - 'active' THEN
    IF to_jsonb(NEW) = to_jsonb(OLD) THEN RETURN NULL; END IF;
    RAISE EXCEPTION 'of oidc_keys nothing can be changed but active, from true to false: which key is active is decided by Rekey'
      USING ERRCODE = 'feature_not_supported', HINT = 'rekey rotate ' || OLD.keyring;
  END IF;
  SELECT document INTO found FROM keyrings WHERE name = OLD.keyring FOR UPDATE;
  -- Inactive already; or somebody asked before, or it was carried out, while this waited for its turn.
  IF NOT OLD.active OR found ? 'rotation' OR NOT found -> 'versions' @>
    jsonb_build_array(jsonb_build_object('id', OLD.kid, 'state', 'active')) THEN
    RAISE NOTICE 'nothing to do for %: it is not active, or a rotation of % is under way', OLD.kid, OLD.keyring;
    RETURN NULL;
  END IF;
  UPDATE revision SET n = n + 1 RETURNING n INTO number;
  INSERT INTO changes (revision, topic, key) VALUES (number, 'keyring', OLD.keyring);
  PERFORM pg_notify('rekey_revision', number::text);
  UPDATE keyrings SET revision = number, next_decision_at = 'epoch',
    document = found || jsonb_build_object('revision', number, 'rotation', asked) WHERE name = OLD.keyring;
  INSERT INTO audit_events (action, outcome, actor, details)
  VALUES ('keyring.rotation_requested', 'success', asked ->> 'by', jsonb_build_object('keyring', OLD.keyring,
    'revision', number, 'forced', false, 'reason', asked ->> 'reason'));
  RETURN NEW;
END
$$;
CREATE TRIGGER oidc_keys_rotate INSTEAD OF UPDATE ON oidc_keys FOR EACH ROW EXECUTE FUNCTION ask_for_rotation();

-- Whoever saves a keyring locks its name first (by number 7), and the row that orders all changes last. A statement may be
-- about several keyrings: it locks all of their names before it takes that row for the first of them.
CREATE FUNCTION before_rotations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(name, 7))
  FROM (SELECT name FROM keyrings WHERE kind = 'signing-key' ORDER BY name COLLATE "C") AS ordered;
  IF EXISTS (SELECT FROM incidents WHERE frozen) THEN
    RAISE EXCEPTION 'administration is frozen by an incident, until somebody unfreezes that: no rotation can be asked for'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'rekey status';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER oidc_keys_locked BEFORE UPDATE ON oidc_keys FOR EACH STATEMENT EXECUTE FUNCTION before_rotations();

CREATE FUNCTION refuse_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of oidc_keys is refused: keys are made and retired by Rekey', TG_OP
    USING ERRCODE = 'feature_not_supported', HINT = 'rekey prepare, rekey rotate and rekey revoke';
END
$$;
CREATE TRIGGER oidc_keys_refused INSTEAD OF INSERT OR DELETE ON oidc_keys FOR EACH ROW EXECUTE FUNCTION refuse_keys();
