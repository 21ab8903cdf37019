-- Who is logged in. The browser bears a random token, of which only a salted hash is here; the tokens of the identity provider never
-- leave the server. A session that has ended has no row: the audit tells of it.
CREATE TABLE sessions (
  session_id        uuid PRIMARY KEY,
  token_hash        bytea NOT NULL,
  -- By which version of keyring `token-hash` it was hashed.
  salt_version      text NOT NULL,
  -- The version of keyring `session` that sealed the newest cookie that was presented. One that was sent may never have arrived.
  sealed_by         text NOT NULL,
  -- The network and the browser, by a MAC of that version.
  binding           bytea NOT NULL,
  -- For analytics alone: nobody is refused by it.
  ua_hash           bytea NOT NULL,
  ua_version        text NOT NULL,
  issuer            text NOT NULL,
  sub               text NOT NULL,
  -- By which the provider knows its own session. NULL: it told none.
  sid               text,
  client_id         text,
  sealed_tokens     text NOT NULL,
  access_expires_at timestamptz NOT NULL,
  -- Whoever refreshes takes this claim first. Without a name beside it nobody is at it, and nobody tries before that moment.
  refreshing_until  timestamptz,
  refreshing_by     text,
  -- Of the tokens.
  revision          bigint NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL DEFAULT now(),
  expires_at        timestamptz NOT NULL
);
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash, salt_version);
CREATE INDEX sessions_sub ON sessions (sub, issuer);
CREATE INDEX sessions_sid ON sessions (sid, issuer) WHERE sid IS NOT NULL;
CREATE INDEX sessions_sealed_by ON sessions (sealed_by, expires_at);
CREATE INDEX sessions_salt ON sessions (salt_version, expires_at);
CREATE INDEX sessions_expires ON sessions (expires_at);
CREATE INDEX sessions_created ON sessions (created_at);
-- What is sealed under another root key than the present one is found without reading all the rest.
CREATE INDEX sessions_root ON sessions (split_part(sealed_tokens, '.', 2));

-- When a session was last used. Beside it and not in it: this is written again and again, and holds no secret.
CREATE TABLE session_uses (
  session_id uuid PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
  last_at    timestamptz NOT NULL,
  count      bigint NOT NULL
);

-- Logout tokens of the provider that were obeyed: each is good once (OpenID Connect Back-Channel Logout 1.0 §2.6).
CREATE TABLE used_logout_tokens (
  jti_hash bytea PRIMARY KEY,
  used_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX used_logout_tokens_used ON used_logout_tokens (used_at);

-- Tokens that stand in links of e-mails: one use, short life, good below one path. They are secrets of 256 random bits, so that a hash
-- without a salt tells nothing.
CREATE TABLE links (
  token_hash bytea PRIMARY KEY,
  link_id    uuid NOT NULL,
  path       text NOT NULL,
  sub        text,
  claims     jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);
CREATE INDEX links_expires ON links (expires_at);
