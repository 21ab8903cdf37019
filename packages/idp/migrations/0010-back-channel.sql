-- Of a refresh token: the first one of its line, and how many came before it there. NULL: a release that did not count wrote it.
ALTER TABLE oidc_state ADD COLUMN line bytea;
ALTER TABLE oidc_state ADD COLUMN generation int;
-- Of a session: which client knows it by which of its `sids`, in their order.
ALTER TABLE oidc_state ADD COLUMN sid_clients text[];

-- Clients that are still to be told that a session has ended (OpenID Connect Back-Channel Logout 1.0).
CREATE TABLE backchannel_logouts (
  logout_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id  text NOT NULL,
  account_id text NOT NULL,
  sid        text NOT NULL,
  attempts   int NOT NULL DEFAULT 0,
  -- Nobody tries before: not yet again, or somebody is trying.
  due_at     timestamptz NOT NULL DEFAULT now(),
  -- From then on nobody tries any more.
  ends_at    timestamptz NOT NULL DEFAULT now() + interval '10 minutes'
);
CREATE INDEX backchannel_logouts_due ON backchannel_logouts (due_at);
