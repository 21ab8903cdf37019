ALTER TABLE agents ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
-- For lists, which are read a page at a time.
CREATE INDEX agents_of_organization ON agents (organization_id, created_at, agent_id);

-- A credential is a keyring of its own: its secrets, or public keys, are the versions. An agent may have several.
DROP INDEX credentials_one_active;
ALTER TABLE credentials
  ADD COLUMN kind text NOT NULL DEFAULT 'client-secret' CHECK (kind IN ('client-secret', 'client-key')),
  ADD COLUMN revision bigint NOT NULL DEFAULT 0,
  -- NULL: secret_hash is its only version, as the release before this one wrote it.
  ADD COLUMN document jsonb,
  ADD COLUMN next_decision_at timestamptz,
  ADD COLUMN rotated_at timestamptz NOT NULL DEFAULT now(),
  -- Versions of the secret may be left where secrets are kept outside this database, and are to be destroyed there.
  ADD COLUMN untidy boolean NOT NULL DEFAULT false,
  ALTER COLUMN secret_hash DROP NOT NULL;
UPDATE credentials SET rotated_at = created_at;
CREATE INDEX credentials_of_agent ON credentials (agent_id, created_at, credential_id);
CREATE INDEX credentials_due ON credentials (next_decision_at) WHERE next_decision_at IS NOT NULL;
CREATE INDEX credentials_by_rotation ON credentials (rotated_at) WHERE status = 'active';
CREATE INDEX credentials_untidy ON credentials (credential_id) WHERE untidy;

-- Who used which version of a credential, from where. Apart from the credentials: counting must never write to a row that
-- holds a secret.
CREATE TABLE credential_uses (
  credential_id text NOT NULL,
  version       text NOT NULL,
  address       text NOT NULL,
  first_at      timestamptz NOT NULL,
  last_at       timestamptz NOT NULL,
  count         bigint NOT NULL,
  PRIMARY KEY (credential_id, version, address)
);

-- Replies that are given once more to the caller who asks again by the same Idempotency-Key, sealed, for a minute.
CREATE TABLE idempotent_replies (
  caller       text NOT NULL,
  key_hash     bytea NOT NULL,
  request_hash bytea NOT NULL,
  revision     bigint NOT NULL,
  sealed_reply text NOT NULL,
  at           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (caller, key_hash)
);
CREATE INDEX idempotent_replies_at ON idempotent_replies (at);

-- Assertions are good once, at every instance.
CREATE TABLE used_assertions (
  client_id  text NOT NULL,
  jti_hash   bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (client_id, jti_hash)
);
CREATE INDEX used_assertions_expires ON used_assertions (expires_at);

ALTER TABLE opaque_tokens ADD COLUMN credential_id text;
-- Suspending an agent, and revoking a credential of it, ends what it got.
CREATE INDEX opaque_tokens_of_agent ON opaque_tokens (agent_id);

ALTER TABLE denied
  -- The client that revoked it as its own, of which each has a share; NULL: whoever may deny anything.
  ADD COLUMN denied_by text,
  -- Where a suspension raised issued_before: what it would be without ('-infinity': nothing), and is again afterwards.
  ADD COLUMN unsuspended_before timestamptz;
