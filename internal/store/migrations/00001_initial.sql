-- The same text runs on SQLite and PostgreSQL. Times are epoch milliseconds,
-- lengths of time milliseconds, and 0 stands for "never" in both. Columns that
-- hold lists are JSON arrays. "revision" is that of the row's last change.
--
-- events, revocations, tokens and usage refer to others by id without foreign
-- keys: they outlive what they tell of.

-- +goose Up
CREATE TABLE head (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    revision BIGINT NOT NULL,
    chain    BYTEA  NOT NULL
);
INSERT INTO head (id, revision, chain) VALUES (1, 0, '');

CREATE TABLE events (
    revision        BIGINT PRIMARY KEY,
    id              TEXT   NOT NULL UNIQUE,
    time            BIGINT NOT NULL,
    organization_id TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    key_id          TEXT   NOT NULL,
    token_id        TEXT   NOT NULL,
    address         TEXT   NOT NULL,
    action          TEXT   NOT NULL,
    object_id       TEXT   NOT NULL,
    detail          TEXT   NOT NULL,
    request_id      TEXT   NOT NULL,
    chain           BYTEA  NOT NULL
);
CREATE INDEX events_by_organization ON events (organization_id, revision);
CREATE INDEX events_by_object ON events (object_id, revision);

CREATE TABLE settings (
    name     TEXT   PRIMARY KEY,
    value    TEXT   NOT NULL,
    revision BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    id         TEXT   PRIMARY KEY,
    algorithm  TEXT   NOT NULL,
    public     BYTEA  NOT NULL,
    sealed     BYTEA  NOT NULL,
    created    BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    retired    BIGINT NOT NULL,
    revision   BIGINT NOT NULL
);

CREATE TABLE organizations (
    id       TEXT    PRIMARY KEY,
    slug     TEXT    NOT NULL UNIQUE,
    name     TEXT    NOT NULL,
    active   BOOLEAN NOT NULL,
    created  BIGINT  NOT NULL,
    revision BIGINT  NOT NULL
);

CREATE TABLE users (
    id       TEXT    PRIMARY KEY,
    name     TEXT    NOT NULL,
    email    TEXT    NOT NULL,
    active   BOOLEAN NOT NULL,
    created  BIGINT  NOT NULL,
    revision BIGINT  NOT NULL
);

CREATE TABLE memberships (
    id               TEXT    PRIMARY KEY,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    user_id          TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    roles            TEXT    NOT NULL,
    comment          TEXT    NOT NULL,
    active           BOOLEAN NOT NULL,
    created          BIGINT  NOT NULL,
    accessed         BIGINT  NOT NULL,
    accessed_address TEXT    NOT NULL,
    accessed_agent   TEXT    NOT NULL,
    revision         BIGINT  NOT NULL,
    UNIQUE (organization_id, user_id)
);
CREATE INDEX memberships_by_organization ON memberships (organization_id, id);
CREATE INDEX memberships_by_user ON memberships (user_id, id);

-- The names in memberships.roles once more, to be found by role.
CREATE TABLE membership_roles (
    organization_id TEXT NOT NULL,
    role            TEXT NOT NULL,
    membership_id   TEXT NOT NULL REFERENCES memberships (id) ON DELETE CASCADE,
    PRIMARY KEY (organization_id, role, membership_id)
);
CREATE INDEX membership_roles_by_role ON membership_roles (role, membership_id);
CREATE INDEX membership_roles_by_membership ON membership_roles (membership_id);

CREATE TABLE roles (
    id              TEXT   PRIMARY KEY,
    organization_id TEXT   NOT NULL REFERENCES organizations (id),
    name            TEXT   NOT NULL,
    comment         TEXT   NOT NULL,
    scopes          TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    UNIQUE (organization_id, name)
);

CREATE TABLE keys (
    id                TEXT    PRIMARY KEY,
    organization_id   TEXT    NOT NULL,
    user_id           TEXT    NOT NULL,
    kind              TEXT    NOT NULL,
    comment           TEXT    NOT NULL,
    scopes            TEXT    NOT NULL,
    roles             TEXT    NOT NULL,
    networks          TEXT    NOT NULL,
    expires           BIGINT  NOT NULL,
    max_token_life    BIGINT  NOT NULL,
    require_signature BOOLEAN NOT NULL,
    may_name_subjects BOOLEAN NOT NULL,
    secret_sealed     BYTEA,
    hash              BYTEA   NOT NULL UNIQUE,
    prev_hash         BYTEA   UNIQUE,
    prev_until        BIGINT  NOT NULL,
    version           BIGINT  NOT NULL,
    created           BIGINT  NOT NULL,
    accessed          BIGINT  NOT NULL,
    accessed_address  TEXT    NOT NULL,
    accessed_agent    TEXT    NOT NULL,
    uses              BIGINT  NOT NULL,
    revision          BIGINT  NOT NULL,
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX keys_by_organization ON keys (organization_id, id);
CREATE INDEX keys_by_user ON keys (organization_id, user_id, id);

-- A deleted application leaves its row, emptied: the feed has to tell of it.
CREATE TABLE applications (
    id              TEXT    PRIMARY KEY,
    organization_id TEXT    NOT NULL REFERENCES organizations (id),
    slug            TEXT    NOT NULL,
    document        BYTEA,
    active          BOOLEAN NOT NULL,
    deleted         BOOLEAN NOT NULL,
    created         BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL
);
CREATE UNIQUE INDEX applications_by_slug ON applications (organization_id, slug) WHERE NOT deleted;
CREATE INDEX applications_by_organization ON applications (organization_id, id);
CREATE INDEX applications_by_revision ON applications (revision);

CREATE TABLE revocations (
    subject    TEXT   NOT NULL,
    revision   BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    effective  BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    keep_until BIGINT NOT NULL,
    PRIMARY KEY (subject, revision)
);
CREATE INDEX revocations_by_revision ON revocations (revision);
CREATE INDEX revocations_by_keep_until ON revocations (keep_until);

CREATE TABLE tokens (
    id              TEXT    PRIMARY KEY,
    head            TEXT    NOT NULL,
    parent_id       TEXT    NOT NULL,
    lineage         TEXT    NOT NULL,
    organization_id TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    key_id          TEXT    NOT NULL,
    origin          TEXT    NOT NULL,
    subject         TEXT    NOT NULL,
    scopes          TEXT    NOT NULL,
    roles           TEXT    NOT NULL,
    audience        TEXT    NOT NULL,
    ips             TEXT    NOT NULL,
    renewable       BOOLEAN NOT NULL,
    issued          BIGINT  NOT NULL,
    expires         BIGINT  NOT NULL,
    asked           BIGINT  NOT NULL,
    asked_address   TEXT    NOT NULL,
    asked_agent     TEXT    NOT NULL,
    revision        BIGINT  NOT NULL
);
CREATE INDEX tokens_by_organization ON tokens (organization_id, id);
CREATE INDEX tokens_by_key ON tokens (key_id, id);
CREATE INDEX tokens_by_user ON tokens (user_id, id);
CREATE INDEX tokens_by_expiry ON tokens (expires);

CREATE TABLE usage (
    organization_id TEXT   NOT NULL,
    day             BIGINT NOT NULL,
    application_id  TEXT   NOT NULL,
    key_id          TEXT   NOT NULL,
    outcome         TEXT   NOT NULL,
    count           BIGINT NOT NULL,
    PRIMARY KEY (organization_id, day, application_id, key_id, outcome)
);

CREATE TABLE idempotency (
    id      BYTEA  PRIMARY KEY,
    request BYTEA  NOT NULL,
    claimed BIGINT NOT NULL,
    status  BIGINT NOT NULL,
    body    BYTEA
);
CREATE INDEX idempotency_by_claimed ON idempotency (claimed);
