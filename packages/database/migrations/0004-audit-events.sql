CREATE TABLE audit_events (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  inserted        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  at              timestamptz NOT NULL DEFAULT now(),
  action          text NOT NULL,
  outcome         text NOT NULL,
  actor           text NOT NULL,
  agent_id        text,
  organization_id text,
  details         jsonb NOT NULL
);
CREATE INDEX audit_events_action ON audit_events (action, inserted);

-- What happened stays as it was written down, for the owner of the table too.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: events are only ever added', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_events_immutable BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_not_truncated BEFORE TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

SELECT limit_service('audit_events', 'SELECT, INSERT');
