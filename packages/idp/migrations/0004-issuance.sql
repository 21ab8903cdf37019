-- Which keyring's active version signs access tokens, and the move to another one that was asked for and is not made yet.
CREATE TABLE issuance (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  keyring  text NOT NULL,
  revision bigint NOT NULL,
  move     jsonb
);
