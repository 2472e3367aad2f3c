-- What may be used a single time and was: by a hash of its purpose and id.

-- +goose Up
CREATE TABLE used_once (
    id    BYTEA  PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX used_once_by_until ON used_once (until);
