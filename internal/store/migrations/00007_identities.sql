-- Users of an application who are known by a public key, under the user-group key
-- through which they log in, and how many there are of each key.

-- +goose Up
CREATE TABLE identities (
    id               TEXT    PRIMARY KEY,
    organization_id  TEXT    NOT NULL,
    key_id           TEXT    NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    public_key       TEXT    NOT NULL,
    active           BOOLEAN NOT NULL,
    comment          TEXT    NOT NULL,
    created          BIGINT  NOT NULL,
    accessed         BIGINT  NOT NULL,
    accessed_address TEXT    NOT NULL,
    accessed_agent   TEXT    NOT NULL,
    revision         BIGINT  NOT NULL,
    UNIQUE (key_id, public_key)
);
CREATE INDEX identities_by_organization ON identities (organization_id, id);
CREATE INDEX identities_by_key ON identities (key_id, id);

CREATE TABLE identity_counts (
    key_id TEXT   PRIMARY KEY REFERENCES keys (id) ON DELETE CASCADE,
    count  BIGINT NOT NULL
);
