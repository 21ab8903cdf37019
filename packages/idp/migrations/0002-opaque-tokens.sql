-- Tokens that administer. They are looked up, never verified by a signature: who stole a signing key cannot make one.
CREATE TABLE opaque_tokens (
  token_hash bytea PRIMARY KEY,
  agent_id   text NOT NULL REFERENCES agents,
  scope      text NOT NULL,
  issued_at  timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX opaque_tokens_expires ON opaque_tokens (expires_at);
