-- Outside issuers of tokens. rules is JSON: what nothing is looked up by.

-- +goose Up
CREATE TABLE issuers (
    id              TEXT    PRIMARY KEY,
    organization_id TEXT    NOT NULL REFERENCES organizations (id),
    slug            TEXT    NOT NULL,
    url             TEXT    NOT NULL,
    active          BOOLEAN NOT NULL,
    rules           TEXT    NOT NULL,
    created         BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL,
    UNIQUE (organization_id, slug)
);
CREATE INDEX issuers_by_revision ON issuers (revision);
