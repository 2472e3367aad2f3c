-- Lists of networks: of an application, or, with empty ids, of the platform.
-- A deleted entry leaves its row for a while: the feed has to tell of it. The
-- rows of a deleted application go with it, since nothing is decided on them.

-- +goose Up
CREATE TABLE networks (
    id              TEXT   PRIMARY KEY,
    organization_id TEXT   NOT NULL,
    application_id  TEXT   NOT NULL,
    network         TEXT   NOT NULL,
    action          TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    expires         BIGINT NOT NULL,
    created         BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    deleted         BIGINT NOT NULL,
    revision        BIGINT NOT NULL,
    UNIQUE (application_id, network)
);
CREATE INDEX networks_by_application ON networks (application_id, id);
CREATE INDEX networks_by_revision ON networks (revision);
CREATE INDEX networks_by_expiry ON networks (expires) WHERE expires > 0;
CREATE INDEX networks_by_deletion ON networks (deleted) WHERE deleted > 0;
