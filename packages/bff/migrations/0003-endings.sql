-- Whose sessions ended lately. What is deleted is what is there: a login that is under way at that moment has no row yet, and is held
-- against these before it writes one.
CREATE TABLE endings (
  ending_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- `sid …`, `sub …`, or `all`.
  key       text NOT NULL,
  -- NULL: whichever.
  issuer    text,
  sub       text,
  -- Of logins whose code was exchanged before. NULL: of all, because the provider has ended that session for good.
  before    timestamptz,
  at        timestamptz NOT NULL
);
CREATE INDEX endings_key ON endings (key);
CREATE INDEX endings_at ON endings (at);
