-- The chain says milliseconds. What a row holds beyond them could be changed and nobody would see it.
ALTER TABLE audit_events ALTER COLUMN at TYPE timestamptz(3);
CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_agent ON audit_events (agent_id, at) WHERE agent_id IS NOT NULL;
CREATE INDEX audit_events_organization ON audit_events (organization_id, at);

-- Events that are not in the chain yet. Transactions commit in another order than they draw numbers in, so that a number
-- up to which all is chained would leave some out.
CREATE TABLE audit_waiting (
  inserted bigint PRIMARY KEY,
  since    timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION await_chaining() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_waiting (inserted) VALUES (NEW.inserted);
  RETURN NULL;
END
$$;
CREATE TRIGGER audit_events_wait AFTER INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION await_chaining();
INSERT INTO audit_waiting (inserted) SELECT inserted FROM audit_events;

-- The events in their final order. hash is SHA-256 over a zero byte and the text (RFC 9162, section 2.1.1); the text is
-- the event in canonical JSON (RFC 8785) with its place and the hash before it.
CREATE TABLE audit_chain (
  seq      bigint PRIMARY KEY CHECK (seq BETWEEN 1 AND 9007199254740991),
  event_id uuid NOT NULL UNIQUE,
  hash     bytea NOT NULL,
  text     text NOT NULL
);
-- Roots of the complete subtrees of 256, 256², 256³ … events, from which every proof is made.
CREATE TABLE audit_nodes (
  level int NOT NULL,
  index bigint NOT NULL,
  hash  bytea NOT NULL,
  PRIMARY KEY (level, index)
);
CREATE TABLE audit_checkpoints (
  size bigint PRIMARY KEY,
  root bytea NOT NULL,
  head bytea NOT NULL,
  note text NOT NULL,
  at   timestamptz(3) NOT NULL
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['audit_chain', 'audit_nodes', 'audit_checkpoints'] LOOP
    EXECUTE format('CREATE TRIGGER %s_immutable BEFORE UPDATE OR DELETE ON %s
      FOR EACH ROW EXECUTE FUNCTION refuse_change()', name, name);
    EXECUTE format('CREATE TRIGGER %s_not_truncated BEFORE TRUNCATE ON %s
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name, name);
    PERFORM limit_service(name::regclass, 'SELECT, INSERT');
  END LOOP;
END
$$;
SELECT limit_service('audit_waiting', 'SELECT, INSERT, DELETE');
