-- Refreshes that were begun: those that nobody goes on with any more are looked for again and again.
CREATE INDEX sessions_refreshing ON sessions (refreshing_until) WHERE refreshing_by IS NOT NULL;
