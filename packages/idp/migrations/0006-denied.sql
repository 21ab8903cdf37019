-- Tokens that verifiers refuse although their key is good: one token, a session, or all that a subject or a client got before
-- a moment. What was taken back stays as a row until it ends, so that instances that read only what changed learn of it.
CREATE TABLE denied (
  kind          text NOT NULL CHECK (kind IN ('jti', 'sid', 'sub', 'client_id')),
  value         text NOT NULL,
  issued_before timestamptz,
  -- When the last token that it could match has expired.
  ends_at       timestamptz NOT NULL,
  revision      bigint NOT NULL,
  dropped       boolean NOT NULL DEFAULT false,
  PRIMARY KEY (kind, value)
);
CREATE INDEX denied_by_revision ON denied (revision);
CREATE INDEX denied_by_end ON denied (ends_at);
-- Revision of the last change to it. It outlives the rows, so that what verifiers must hold never goes backwards.
CREATE TABLE denied_newest (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision bigint NOT NULL
);
INSERT INTO denied_newest (revision) VALUES (0);
