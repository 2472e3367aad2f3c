-- While a rotated key's old secret still works, so do signatures by it.

-- +goose Up
ALTER TABLE keys ADD COLUMN prev_secret_sealed BYTEA;
