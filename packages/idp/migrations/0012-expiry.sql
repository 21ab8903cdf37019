-- Credentials by when they expire; and the view by which AgentIdP rotates its signing keys.
SELECT 1;
