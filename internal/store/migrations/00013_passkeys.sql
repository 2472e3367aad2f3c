-- Passkeys of members. "credential" is JSON: the public key and what else the
-- authenticator said of itself, none of it secret. "counter" is of its signatures.

-- +goose Up
CREATE TABLE passkeys (
    id              TEXT   PRIMARY KEY,
    organization_id TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    credential_id   BYTEA  NOT NULL UNIQUE,
    name            TEXT   NOT NULL,
    credential      TEXT   NOT NULL,
    counter         BIGINT NOT NULL,
    created         BIGINT NOT NULL,
    used            BIGINT NOT NULL,
    used_address    TEXT   NOT NULL,
    used_agent      TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX passkeys_by_member ON passkeys (organization_id, user_id, id);
