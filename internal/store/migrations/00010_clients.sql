-- The public key (a JWK) by which a client proves to be its key, and who acts for
-- the subject of a pass (a JSON array). Empty: none.

-- +goose Up
ALTER TABLE keys ADD COLUMN public_key TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN actors TEXT NOT NULL DEFAULT '';
