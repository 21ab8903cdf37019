-- Subscriptions to events, and what is delivered to them.
SELECT 1;
