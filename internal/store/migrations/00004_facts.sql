-- What is tried beside an application's resource file; what is kept of requests,
-- so that they can be decided again; and which scopes a key made use of.

-- +goose Up
ALTER TABLE applications ADD COLUMN shadow BYTEA;

-- What passes may do is written once for all the facts that speak of it: id is
-- the SHA-256 of the rest.
CREATE TABLE fact_authorities (
    id     BYTEA  PRIMARY KEY,
    scopes TEXT   NOT NULL,
    roles  TEXT   NOT NULL,
    seen   BIGINT NOT NULL
);
CREATE INDEX fact_authorities_by_seen ON fact_authorities (seen);

CREATE TABLE facts (
    id              TEXT   PRIMARY KEY,
    organization_id TEXT   NOT NULL,
    application_id  TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    first           BIGINT NOT NULL,
    last            BIGINT NOT NULL,
    count           BIGINT NOT NULL,
    method          TEXT   NOT NULL,
    host            TEXT   NOT NULL,
    path            TEXT   NOT NULL,
    fields          TEXT   NOT NULL,
    address         TEXT   NOT NULL,
    key_id          TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    membership_id   TEXT   NOT NULL,
    authority_id    BYTEA  NOT NULL,
    standing        TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    rule            TEXT   NOT NULL,
    missing         TEXT   NOT NULL,
    shadow_reason   TEXT   NOT NULL,
    shadow_rule     TEXT   NOT NULL,
    shadow_missing  TEXT   NOT NULL
);
CREATE INDEX facts_by_application ON facts (application_id, id);
CREATE INDEX facts_by_time ON facts (last);

CREATE TABLE key_scopes (
    key_id          TEXT   NOT NULL,
    scope           TEXT   NOT NULL,
    day             BIGINT NOT NULL,
    organization_id TEXT   NOT NULL,
    count           BIGINT NOT NULL,
    PRIMARY KEY (key_id, scope, day)
);
CREATE INDEX key_scopes_by_day ON key_scopes (day);
