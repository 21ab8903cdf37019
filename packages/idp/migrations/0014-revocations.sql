-- What was revoked, replaced or ended for good: a row for each time. Instances copy them into a journal outside the database, and a
-- restored backup is brought up to that. Triggers write it, so that no way of revoking anything is forgotten; what expires by
-- itself is not in it. They are for each row: those for each statement cannot name columns, so every statement would pay for them.
CREATE TABLE revocations (
  revocation_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  at            timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Which rows were committed since somebody looked, however long their transactions were. Of restored ones it tells nothing.
  written_in    xid8 NOT NULL DEFAULT pg_current_xact_id(),
  kind          text NOT NULL,
  key           text NOT NULL,
  -- How it stands from then on. Never a secret; of secrets of 256 random bits a hash.
  state         jsonb NOT NULL
);
CREATE INDEX revocations_at ON revocations (at);
CREATE INDEX revocations_written_in ON revocations (written_in);
SELECT limit_service('revocations', 'SELECT, INSERT, DELETE');

-- While a journal is applied nothing is news.
CREATE FUNCTION is_news() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(current_setting('rekey.applies_journal', true), '') <> 'on'
$$;

-- The versions of a keyring that are accepted no more, and were before.
CREATE FUNCTION closed_versions(before jsonb, after jsonb) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
  SELECT old ->> 'id' FROM jsonb_array_elements(before -> 'versions') AS old
  WHERE old ->> 'state' NOT IN ('retired', 'revoked') AND NOT EXISTS (
    SELECT FROM jsonb_array_elements(after -> 'versions') AS new
    WHERE new ->> 'id' = old ->> 'id' AND new ->> 'state' NOT IN ('retired', 'revoked'))
$$;

CREATE FUNCTION note_agent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state)
  VALUES ('agent', NEW.agent_id, jsonb_build_object('status', NEW.status));
  RETURN NULL;
END
$$;
CREATE TRIGGER agents_noted AFTER UPDATE OF status ON agents
  FOR EACH ROW WHEN (OLD.status <> NEW.status AND is_news()) EXECUTE FUNCTION note_agent();

CREATE FUNCTION note_credential() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state)
  SELECT 'credential-version', version, jsonb_build_object('credential', NEW.credential_id)
  FROM closed_versions(OLD.document, NEW.document) AS version;
  -- Of a row without a document the hash is the version.
  IF OLD.document IS NULL AND (OLD.secret_hash, OLD.status) IS DISTINCT FROM (NEW.secret_hash, NEW.status) THEN
    INSERT INTO revocations (kind, key, state)
    VALUES ('credential', NEW.credential_id, jsonb_build_object('hash', encode(OLD.secret_hash, 'hex')));
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER credentials_noted AFTER UPDATE OF document, status ON credentials
  FOR EACH ROW WHEN ((OLD.document, OLD.status) IS DISTINCT FROM (NEW.document, NEW.status) AND is_news())
  EXECUTE FUNCTION note_credential();

CREATE FUNCTION note_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state)
  VALUES ('account', NEW.account_id, jsonb_build_object(
    'status', NEW.status, 'passwordChangedAt', NEW.password_changed_at, 'loginsSince', NEW.logins_since));
  RETURN NULL;
END
$$;
CREATE TRIGGER accounts_noted AFTER UPDATE OF status, password_changed_at, logins_since ON accounts
  FOR EACH ROW WHEN ((OLD.status, OLD.password_changed_at, OLD.logins_since)
    IS DISTINCT FROM (NEW.status, NEW.password_changed_at, NEW.logins_since) AND is_news()) EXECUTE FUNCTION note_account();

CREATE FUNCTION note_denied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state) VALUES ('denied', NEW.kind || ' ' || NEW.value, to_jsonb(NEW));
  RETURN NULL;
END
$$;
CREATE TRIGGER denied_noted AFTER INSERT OR UPDATE ON denied
  FOR EACH ROW WHEN (is_news()) EXECUTE FUNCTION note_denied();

CREATE FUNCTION note_initial_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state)
  VALUES ('initial-token', NEW.token_id, jsonb_build_object('used', NEW.used, 'revokedAt', NEW.revoked_at));
  RETURN NULL;
END
$$;
CREATE TRIGGER initial_access_tokens_noted AFTER UPDATE OF used, revoked_at ON initial_access_tokens
  FOR EACH ROW WHEN (is_news()) EXECUTE FUNCTION note_initial_token();

CREATE FUNCTION note_registration_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state) VALUES ('registration-token', encode(OLD.token_hash, 'hex'), '{}');
  RETURN NULL;
END
$$;
CREATE TRIGGER registration_access_tokens_replaced AFTER UPDATE OF state ON registration_access_tokens
  FOR EACH ROW WHEN (OLD.state <> 'superseded' AND NEW.state = 'superseded' AND is_news())
  EXECUTE FUNCTION note_registration_token();
CREATE TRIGGER registration_access_tokens_deleted AFTER DELETE ON registration_access_tokens
  FOR EACH ROW WHEN (OLD.state <> 'superseded' AND is_news()) EXECUTE FUNCTION note_registration_token();

-- Deleted, or registered again; and which of the keys that it registered itself are left.
CREATE FUNCTION note_client() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state)
  VALUES ('client', NEW.client_id, jsonb_build_object('deletedAt', NEW.deleted_at,
    'keys', (SELECT jsonb_agg(key) FROM jsonb_array_elements(NEW.metadata -> 'jwks' -> 'keys') AS key)));
  RETURN NULL;
END
$$;
CREATE TRIGGER clients_noted AFTER UPDATE OF deleted_at, metadata ON clients
  FOR EACH ROW WHEN ((OLD.deleted_at, OLD.metadata -> 'jwks') IS DISTINCT FROM (NEW.deleted_at, NEW.metadata -> 'jwks')
    AND is_news())
  EXECUTE FUNCTION note_client();

CREATE FUNCTION note_verifier() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state)
  VALUES ('verifier', OLD.client_id, jsonb_build_object('hash', encode(OLD.secret_hash, 'hex')));
  RETURN NULL;
END
$$;
CREATE TRIGGER verifiers_removed AFTER DELETE ON verifiers
  FOR EACH ROW WHEN (is_news()) EXECUTE FUNCTION note_verifier();
CREATE TRIGGER verifiers_changed AFTER UPDATE OF secret_hash ON verifiers
  FOR EACH ROW WHEN (OLD.secret_hash <> NEW.secret_hash AND is_news()) EXECUTE FUNCTION note_verifier();

-- What is needed to have it in force again: what was found out and done stands in the evidence, or is lost.
CREATE FUNCTION note_incident() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state)
  VALUES ('incident', NEW.incident, to_jsonb(NEW) - '{evidence,sealed_probe,runner,runner_until}'::text[]);
  RETURN NULL;
END
$$;
CREATE TRIGGER incidents_noted AFTER UPDATE OF frozen ON incidents
  FOR EACH ROW WHEN (OLD.frozen <> NEW.frozen AND is_news()) EXECUTE FUNCTION note_incident();
CREATE TRIGGER incidents_noted_first AFTER INSERT ON incidents
  FOR EACH ROW WHEN (is_news()) EXECUTE FUNCTION note_incident();

CREATE FUNCTION note_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO revocations (kind, key, state) VALUES ('webhook', OLD.webhook_id, '{}');
  ELSE
    INSERT INTO revocations (kind, key, state)
    SELECT 'webhook-version', version, jsonb_build_object('webhook', NEW.webhook_id)
    FROM closed_versions(OLD.document, NEW.document) AS version;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER webhooks_noted AFTER DELETE OR UPDATE OF document ON webhooks
  FOR EACH ROW WHEN (is_news()) EXECUTE FUNCTION note_webhook();

-- Older forms of encrypted columns that were closed for good.
CREATE FUNCTION note_form() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO revocations (kind, key, state) VALUES ('column-form', NEW.form, '{}');
  RETURN NULL;
END
$$;
CREATE TRIGGER column_forms_noted AFTER INSERT OR UPDATE OF state ON column_forms
  FOR EACH ROW WHEN (NEW.state = 'closed' AND is_news()) EXECUTE FUNCTION note_form();
