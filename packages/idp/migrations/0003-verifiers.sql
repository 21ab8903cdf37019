CREATE TABLE verifiers (
  client_id   text PRIMARY KEY,
  name        text NOT NULL UNIQUE,
  secret_hash bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- One row a process that verifies: what it said it holds, and how long it may act on that.
CREATE TABLE verifier_leases (
  client_id     text NOT NULL REFERENCES verifiers ON DELETE CASCADE,
  instance      text NOT NULL,
  epoch         bigint NOT NULL,
  n             bigint NOT NULL,
  library       text NOT NULL,
  algorithms    text[] NOT NULL,
  lease_until   timestamptz NOT NULL,
  -- Later than the lease for a verifier that was started to go on with what it knows when the lease is over.
  accepts_until timestamptz NOT NULL,
  PRIMARY KEY (client_id, instance)
);
CREATE INDEX verifier_leases_accepting ON verifier_leases (accepts_until);
