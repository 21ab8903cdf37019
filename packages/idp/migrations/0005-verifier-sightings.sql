-- A verifier that asks and is not granted a lease is seen all the same, with what it says it holds.
ALTER TABLE verifier_leases
  ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN behind_since timestamptz,
  -- NULL: it was never granted a lease, so nobody need reckon with it.
  ADD COLUMN granted_at timestamptz DEFAULT now();
