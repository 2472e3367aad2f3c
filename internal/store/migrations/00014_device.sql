-- Devices that wait for somebody to let them log in. The codes are kept as keyed
-- hashes; "sealed" is the pass that waits for the device, "scopes" a JSON array of
-- what it asked for; empty: everything.

-- +goose Up
CREATE TABLE devices (
    id          TEXT   PRIMARY KEY,
    device_hash BYTEA  NOT NULL UNIQUE,
    user_hash   BYTEA  NOT NULL UNIQUE,
    client      TEXT   NOT NULL,
    scopes      TEXT   NOT NULL,
    address     TEXT   NOT NULL,
    agent       TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    polled      BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    sealed      BYTEA  NOT NULL
);
CREATE INDEX devices_by_expiry ON devices (expires);
