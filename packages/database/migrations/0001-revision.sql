-- One number orders every change that instances must follow. Its row is locked until the change commits, so revisions
-- become visible in their order and without gaps: whoever has applied n has applied everything up to n.
CREATE TABLE revision (
  one   boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch bigint NOT NULL,
  n     bigint NOT NULL
);
-- An epoch is the second in which it began: that of another database, or of one made anew, differs.
INSERT INTO revision (epoch, n) VALUES (extract(epoch FROM now())::bigint, 0);

-- What changed in each revision. Kept for as long as an instance that holds its lease could be behind, and some time more.
CREATE TABLE changes (
  revision bigint PRIMARY KEY,
  topic    text NOT NULL,
  key      text NOT NULL,
  at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX changes_at ON changes (at);
