DO $$ BEGIN
  IF current_setting('server_version_num')::int < 160000 THEN
    RAISE EXCEPTION 'Rekey needs PostgreSQL 16 or newer';
  END IF;
END $$;

-- The chain says milliseconds. What a row holds beyond them could be changed and nobody would see it.
ALTER TABLE audit_events ALTER COLUMN at TYPE timestamptz(3);
CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_agent ON audit_events (agent_id, at) WHERE agent_id IS NOT NULL;
CREATE INDEX audit_events_organization ON audit_events (organization_id, at);
CREATE INDEX audit_events_actor ON audit_events (actor, at);
CREATE INDEX audit_events_outcome ON audit_events (outcome, at) WHERE outcome <> 'success';

-- Events that are not in the chain yet. Transactions commit in another order than they draw numbers in, so that a number
-- up to which all is chained would leave some out.
CREATE TABLE audit_waiting (
  inserted bigint PRIMARY KEY CHECK (inserted BETWEEN 0 AND 9007199254740991),
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
  size bigint PRIMARY KEY CHECK (size BETWEEN 0 AND 9007199254740991),
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

-- The service may add to these tables. What it adds must not keep others from going on.
CREATE FUNCTION refuse_gap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE first bigint; past bigint;
BEGIN
  SELECT min(seq), min(seq) + count(*) INTO first, past FROM added;
  IF EXISTS (SELECT FROM added WHERE seq >= past)
    OR (first > 1 AND NOT EXISTS (SELECT FROM audit_chain WHERE seq = first - 1)) THEN
    RAISE EXCEPTION 'a place in the audit chain is refused: there is none before it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER audit_chain_without_gap AFTER INSERT ON audit_chain REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_gap();

CREATE FUNCTION refuse_early_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size > 0 AND NOT EXISTS (SELECT FROM audit_chain WHERE seq = NEW.size) THEN
    RAISE EXCEPTION 'a checkpoint is refused: there are not so many events' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER audit_checkpoints_not_early BEFORE INSERT ON audit_checkpoints
  FOR EACH ROW EXECUTE FUNCTION refuse_early_checkpoint();

SELECT limit_service('audit_waiting', 'SELECT, INSERT, DELETE');

-- Which instance reads the whole chain by itself, and until when that is so without its saying so again.
CREATE TABLE audit_reading (
  one    boolean PRIMARY KEY DEFAULT true CHECK (one),
  reader uuid,
  until  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO audit_reading DEFAULT VALUES;
SELECT limit_service('audit_reading', 'SELECT, UPDATE');
