-- Which secrets of this client the identity provider was seen to accept, and since when one took the place of another: from then on
-- an older one is tried for a limited time only, whichever replica asks. A secret is told by a slow hash of it.
CREATE TABLE client_secrets (
  client_id       text NOT NULL,
  fingerprint     text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{16}$'),
  first_worked_at timestamptz NOT NULL DEFAULT now(),
  took_over_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (client_id, fingerprint)
);
