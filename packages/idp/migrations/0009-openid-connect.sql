-- A client that registered is an agent as well: its scopes, status, organization and secrets lie where an agent's lie.
CREATE TABLE clients (
  client_id     text PRIMARY KEY REFERENCES agents,
  profile       text NOT NULL,
  -- As it registered (RFC 7591 §2). Never a secret: whoever registers writes here.
  metadata      jsonb NOT NULL,
  -- Its ETag.
  revision      bigint NOT NULL DEFAULT 1,
  registered_at timestamptz NOT NULL DEFAULT now(),
  changed_at    timestamptz NOT NULL DEFAULT now(),
  -- When its registration was deleted, so that its id may be registered again. NULL: it was not, whatever its agent's status says.
  deleted_at    timestamptz,
  -- Which jwks_uri was asked last, when, and the time before that. Until then whoever else would ask waits for the answer.
  fetch_uri              text,
  fetch_attempted_at     timestamptz,
  fetch_attempted_before timestamptz,
  fetch_runs_until       timestamptz,
  -- What it answered last, and until when that needs no second look.
  fetched_jwks           jsonb,
  fetched_at             timestamptz,
  fetched_fresh_until    timestamptz
);
CREATE INDEX clients_listed ON clients (registered_at, client_id);

-- A kid names one key for ever, also after that key has gone.
CREATE TABLE client_kids (
  client_id  text NOT NULL REFERENCES clients ON DELETE CASCADE,
  kid        text NOT NULL,
  thumbprint text NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (client_id, kid)
);

CREATE TABLE initial_access_tokens (
  token_id        text PRIMARY KEY,
  token_hash      bytea NOT NULL UNIQUE,
  organization_id text NOT NULL,
  label           text NOT NULL,
  -- NULL: every profile.
  profile         text,
  -- NULL: any id that is free. Otherwise only this one, also where it is taken: then its registration is replaced.
  client_id       text,
  max_usages      int NOT NULL CHECK (max_usages > 0),
  used            int NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND max_usages),
  created_by      text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  expires_at      timestamptz NOT NULL,
  revoked_at      timestamptz
);
CREATE INDEX initial_access_tokens_listed ON initial_access_tokens (organization_id, created_at, token_id);

-- active: in use. pending: was handed out in a renewal, and takes over when it is first used. superseded: its successor was used;
-- whoever presents it then is not the client, or was robbed.
CREATE TABLE registration_access_tokens (
  token_hash bytea PRIMARY KEY,
  client_id  text NOT NULL REFERENCES clients ON DELETE CASCADE,
  state      text NOT NULL CHECK (state IN ('active', 'pending', 'superseded')),
  issued_at  timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  -- Of a pending one, to be told once more to whoever renews again by the active one: his reply was lost.
  sealed_token text
);
CREATE UNIQUE INDEX registration_access_tokens_one ON registration_access_tokens (client_id, state) WHERE state <> 'superseded';
CREATE INDEX registration_access_tokens_client ON registration_access_tokens (client_id, issued_at);
CREATE INDEX registration_access_tokens_sealed ON registration_access_tokens (client_id) WHERE sealed_token IS NOT NULL;

-- Of keys that clients registered: they are deleted by how long ago they were used.
CREATE INDEX credential_uses_of_key_sets ON credential_uses (last_at) WHERE starts_with(credential_id, 'jwks:');

CREATE TABLE accounts (
  account_id      text PRIMARY KEY,
  organization_id text NOT NULL,
  username        text NOT NULL,
  -- In the PHC string format, so that the parameters can grow.
  password_hash   text NOT NULL,
  status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  -- Standard claims (OpenID Connect Core §5.1), and `roles`.
  claims          jsonb NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL DEFAULT now(),
  changed_at      timestamptz NOT NULL DEFAULT now(),
  password_changed_at timestamptz NOT NULL DEFAULT now(),
  -- Logins from before are over: the password was changed since, or the account disabled.
  logins_since    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX accounts_username ON accounts (lower(username));
CREATE INDEX accounts_listed ON accounts (organization_id, created_at, account_id);

-- How often somebody tried to log in, by what a hash stands for: a username, an address, or both.
CREATE TABLE login_attempts (
  key_hash     bytea PRIMARY KEY,
  count        int NOT NULL,
  since        timestamptz NOT NULL DEFAULT now(),
  succeeded_at timestamptz
);

-- What the OpenID provider remembers: sessions, interactions, grants, codes, tokens, pushed requests. The id of most is a secret
-- that somebody bears, so that only its hash is here, and what hangs on it is sealed.
CREATE TABLE oidc_state (
  model       text NOT NULL,
  id_hash     bytea NOT NULL,
  -- NULL: it has ended. Its row stays for as long as a request that read it before may try to save it once more.
  sealed      text,
  -- Of the grant, and of what was given under it.
  grant_hash  bytea,
  -- Of the session, and of what was given in it.
  uid_hash    bytea,
  account_id  text,
  client_id   text,
  -- By which tokens and relying parties know the session; a session has one for each client.
  sids        text[],
  -- Of a session: when its user logged in.
  issued_at   timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  consumed_at timestamptz,
  PRIMARY KEY (model, id_hash)
);
CREATE INDEX oidc_state_expires ON oidc_state (expires_at);
CREATE INDEX oidc_state_grant ON oidc_state (grant_hash) WHERE grant_hash IS NOT NULL;
CREATE INDEX oidc_state_uid ON oidc_state (uid_hash) WHERE uid_hash IS NOT NULL;
CREATE INDEX oidc_state_account ON oidc_state (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX oidc_state_client ON oidc_state (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX oidc_state_sids ON oidc_state USING gin (sids);
-- What is sealed under another root key than the present one is found without reading all the rest.
CREATE INDEX oidc_state_root ON oidc_state (split_part(sealed, '.', 2));
