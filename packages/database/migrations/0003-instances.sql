-- Processes that hold a view of this database. One whose lease is over holds nothing any more and is not waited for.
CREATE TABLE instances (
  id          text PRIMARY KEY,
  address     text NOT NULL,
  applied     bigint NOT NULL,
  started_at  timestamptz NOT NULL DEFAULT now(),
  lease_until timestamptz NOT NULL
);
