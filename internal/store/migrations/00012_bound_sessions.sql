-- The key that the sender showed at its login (RFC 9449): its refresh tokens are
-- good with a proof of it alone. Empty: none.

-- +goose Up
ALTER TABLE sessions ADD COLUMN confirmation TEXT NOT NULL DEFAULT '';
