-- The columns of this service that are encrypted.
SELECT 1;
