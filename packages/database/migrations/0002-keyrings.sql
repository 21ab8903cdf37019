CREATE TABLE keyrings (
  name               text PRIMARY KEY,
  kind               text NOT NULL,
  revision           bigint NOT NULL,
  published_revision bigint NOT NULL,
  document           jsonb NOT NULL,
  next_decision_at   timestamptz
);
CREATE INDEX keyrings_due ON keyrings (next_decision_at) WHERE next_decision_at IS NOT NULL;
