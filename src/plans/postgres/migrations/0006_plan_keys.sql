-- Plans may be signed: which key signed each.

ALTER TABLE plans ADD COLUMN key_id text CHECK (key_id ~ '^[0-9a-f]{16}$');

COMMENT ON COLUMN plans.key_id IS 'Id of the key that signed it; null = it is not signed.';
