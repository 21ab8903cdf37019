-- Columns whose values are encrypted, and by which keys that may be done. The keys are versions of a keyring of the kind
-- "encryption-key"; src/columns/form.ts tells how a value names its version.

-- The version that made a value. What names none is of an older form: cbc or plain. What begins like ours and names none is
-- damaged. The same as columnVersionOf in src/columns/form.ts. Not STRICT: PostgreSQL would not inline it then, and it is
-- computed at least twice for each value that is written.
CREATE FUNCTION column_version(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN value IS NULL THEN NULL
    WHEN value LIKE 'c1.%' THEN CASE
      WHEN value LIKE 'c1.%.%' AND split_part(value, '.', 2) ~ '^[a-z][a-z0-9-]*$' AND length(split_part(value, '.', 2)) <= 80
        THEN split_part(value, '.', 2)
      ELSE 'damaged' END
    WHEN value ~ '^[A-Za-z0-9+/]{22}==:([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$'
      AND ((length(value) - 25) / 4 * 3 - CASE WHEN right(value, 2) = '==' THEN 2 WHEN right(value, 1) = '=' THEN 1 ELSE 0 END) % 16 = 0
      THEN 'cbc'
    ELSE 'plain'
  END
$$;

-- Which of them may be written: the versions of the keyring, and the older forms. Kept by triggers, in the transactions that
-- change the keyring or the form, and by nothing else.
--
-- A count of what a closed one made says something only when nobody can add to it any more. Whoever writes takes a number
-- (pg_current_xact_id) before he looks here. closed_in is the number of the transaction that closed it, and settled_from one
-- that was taken after that had been committed: whoever has a later one sees it closed, so all hangs on those with an earlier
-- one, and when they have ended the count is final. The number of the closing itself would not do: others may take later ones
-- and look before it is committed. Nor would the end of a snapshot: that is not the next number.
CREATE TABLE column_versions (
  id           text PRIMARY KEY,
  is_open      boolean NOT NULL,
  closed_in    xid8 CHECK ((closed_in IS NULL) = is_open),
  settled_from xid8 CHECK (settled_from IS NULL OR NOT is_open)
);
SELECT limit_service('column_versions', 'SELECT');

CREATE FUNCTION open_column_version(version text, opens boolean) RETURNS void LANGUAGE sql AS $$
  INSERT INTO column_versions (id, is_open, closed_in)
  VALUES (version, opens, CASE WHEN NOT opens THEN pg_current_xact_id() END)
  ON CONFLICT (id) DO UPDATE SET is_open = EXCLUDED.is_open, closed_in = EXCLUDED.closed_in, settled_from = NULL
    WHERE column_versions.is_open <> EXCLUDED.is_open
$$;

-- The active version, and one that was replaced while some instance may not know that yet. A version that left the document
-- stays closed. The older forms are not named by a document: one that was closed for good would be opened by it.
CREATE FUNCTION follow_encryption_keys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM open_column_version(version ->> 'id',
    version ->> 'state' = 'active' OR (version ->> 'state' = 'retiring' AND NOT version ? 'demotedAt'))
  FROM jsonb_array_elements(NEW.document -> 'versions') AS version
  WHERE version ->> 'id' NOT IN ('plain', 'cbc');
  RETURN NULL;
END
$$;
CREATE TRIGGER keyrings_open_columns AFTER INSERT OR UPDATE OF document ON keyrings
  FOR EACH ROW WHEN (NEW.kind = 'encryption-key') EXECUTE FUNCTION follow_encryption_keys();

-- The older forms that were ever admitted. One that is closing is not written any more, and is closed for good when none is
-- left; what is not here was never admitted.
CREATE TABLE column_forms (
  form  text PRIMARY KEY CHECK (form IN ('plain', 'cbc')),
  state text NOT NULL CHECK (state IN ('open', 'closing', 'closed')),
  by    text NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT limit_service('column_forms', 'SELECT, INSERT, UPDATE');

CREATE FUNCTION follow_forms() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.state = 'closed' OR NEW.form <> OLD.form) THEN
    RAISE EXCEPTION 'the form "%" of encrypted columns is %: that is not changed', OLD.form, OLD.state
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM open_column_version(NEW.form, NEW.state = 'open');
  RETURN NULL;
END
$$;
CREATE TRIGGER column_forms_open_columns AFTER INSERT OR UPDATE ON column_forms
  FOR EACH ROW EXECUTE FUNCTION follow_forms();

-- In a transaction of its own, after closed_in was read: its number must come after the commit of the closing. A number that
-- this server has not reached is from another one, whose backup this is.
CREATE FUNCTION settle_column_version(version text, closing xid8) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'settle_column_version needs a transaction of its own' USING ERRCODE = 'active_sql_transaction';
  END IF;
  UPDATE column_versions SET settled_from = pg_current_xact_id()
  WHERE id = version AND closed_in = closing
    AND (settled_from IS NULL OR settled_from >= pg_snapshot_xmax(pg_current_snapshot()));
END
$$;

-- For what works with the rights of its owner names are looked up in this schema only.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['follow_encryption_keys()', 'follow_forms()', 'settle_column_version(text, xid8)'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', name, current_schema);
  END LOOP;
END
$$;

-- May this value be written? True, or an error. Before there is a key anything may. A transaction that keeps its snapshot could not see that a
-- version was closed meanwhile.
CREATE FUNCTION check_column_value(value text, place text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  version text := column_version(value);
  writer xid8 := pg_current_xact_id();
  opens boolean;
BEGIN
  SELECT is_open INTO opens FROM column_versions WHERE id = version;
  IF opens AND current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') THEN RETURN true; END IF;
  IF NOT EXISTS (SELECT FROM column_versions WHERE id NOT IN ('plain', 'cbc')) THEN RETURN true; END IF;
  RAISE EXCEPTION 'a value of % is refused: %', place, CASE
    WHEN opens THEN 'encrypted columns are written in transactions that are READ COMMITTED'
    WHEN version IN ('plain', 'cbc') THEN format('the form "%s" is not admitted any more', version)
    WHEN opens IS NULL THEN 'it names no key of this database'
    ELSE format('nothing is encrypted by %s any more', version)
  END USING ERRCODE = 'check_violation', CONSTRAINT = 'column_value_open';
END
$$;

-- Makes a column an encrypted one: what may not be written is refused, and values are found by the version that made them.
-- A service's migration calls it; the id names a row and never changes.
CREATE FUNCTION encrypt_column(target regclass, col name, id name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  place text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = target) || '.' || col;
  label text := replace(place, '.', '_') || '_encrypted';
BEGIN
  EXECUTE format('CREATE INDEX %I ON %s (column_version(%I), %I)', label, target, col, id);
  -- A function of its own for each: a name that is only known when it runs costs more than all the rest.
  EXECUTE format($make$
    CREATE FUNCTION %1$I() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
      IF TG_OP = 'UPDATE' THEN
        IF NEW.%2$I IS NOT DISTINCT FROM OLD.%2$I THEN RETURN NEW; END IF;
      END IF;
      IF check_column_value(NEW.%2$I, %3$L) THEN RETURN NEW; END IF;
    END
    $body$
  $make$, label, col, place);
  EXECUTE format('CREATE TRIGGER %1$I BEFORE INSERT OR UPDATE OF %2$I ON %3$s
    FOR EACH ROW WHEN (NEW.%2$I IS NOT NULL) EXECUTE FUNCTION %1$I()', label, col, target);
END
$$;

-- How far a sweep has come that encrypts a column anew. It goes through the versions in their order, and through the rows of
-- each; whoever does a batch holds the row here meanwhile, so any number may take part. A pass that moved nothing is the last.
CREATE TABLE column_sweeps (
  table_name  text NOT NULL,
  column_name text NOT NULL,
  version     text NOT NULL DEFAULT '',
  row_id      text,
  in_pass     bigint NOT NULL DEFAULT 0,
  moved       bigint NOT NULL DEFAULT 0,
  refused     bigint NOT NULL DEFAULT 0,
  per_second  integer,
  next_at     timestamptz NOT NULL DEFAULT '-infinity',
  by          text NOT NULL,
  began_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at    timestamptz,
  PRIMARY KEY (table_name, column_name)
);
