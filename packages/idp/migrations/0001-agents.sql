CREATE TABLE agents (
  agent_id        text PRIMARY KEY,
  organization_id text NOT NULL,
  name            text,
  email           text,
  agent_type      text,
  version         text,
  capabilities    text[] NOT NULL DEFAULT '{}',
  owner           text,
  deployment_env  text,
  status          text NOT NULL DEFAULT 'active',
  -- What it may be granted, management scopes among them.
  scopes          text[] NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE credentials (
  credential_id text PRIMARY KEY,
  agent_id      text NOT NULL REFERENCES agents,
  -- SHA-256. The secret is 256 random bits, so a slow hash would protect nothing.
  secret_hash   bytea NOT NULL,
  status        text NOT NULL DEFAULT 'active',
  created_at    timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz
);
CREATE UNIQUE INDEX credentials_one_active ON credentials (agent_id) WHERE status = 'active';
