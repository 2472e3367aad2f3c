-- Keys that encrypt passes stand beside those that sign them.

-- +goose Up
ALTER TABLE signing_keys ADD COLUMN purpose TEXT NOT NULL DEFAULT 'sig';
