-- What is done about a compromised key, step by step. A step is written down before it runs, so that anybody can go on.
CREATE TABLE incidents (
  incident     text PRIMARY KEY,
  plan         jsonb NOT NULL,
  steps        jsonb NOT NULL,
  timeline     jsonb NOT NULL,
  opened_at    timestamptz NOT NULL DEFAULT now(),
  opened_by    text NOT NULL,
  -- Administration that could do harm is refused while this is so of any incident.
  frozen       boolean NOT NULL,
  frozen_at    timestamptz,
  unfrozen_at  timestamptz,
  unfrozen_by  text,
  runner       text,
  runner_until timestamptz,
  -- As whom the runner calls: anybody can use his name.
  runner_client text,
  sealed_probe text,
  -- Of that token: it is denied where administration is unfrozen and its key still accepted.
  probe_jti    text,
  -- What was ended when sessions were ended last, so that a repeat ends the same ones. Nobody but that writes it.
  sessions_ended jsonb,
  evidence     bytea
);
CREATE INDEX incidents_frozen ON incidents (incident) WHERE frozen;

-- All that the issuer issued before a moment, whoever got it.
ALTER TABLE denied DROP CONSTRAINT denied_kind_check;
ALTER TABLE denied ADD CONSTRAINT denied_kind_check CHECK (kind IN ('jti', 'sid', 'sub', 'client_id', 'iss'));
