-- Columns that are encrypted, by the keys of keyring "columns".
SELECT 1;
