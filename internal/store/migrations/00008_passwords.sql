-- Passwords, the links that set them, the sessions of logins, and how often
-- accounts were guessed at. A hash is a keyed one, save passwords.hash, which is
-- Argon2id in its usual text form.

-- +goose Up
CREATE TABLE passwords (
    user_id         TEXT   PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    organization_id TEXT   NOT NULL,
    login           TEXT   NOT NULL,
    hash            TEXT   NOT NULL,
    changed         BIGINT NOT NULL,
    used            BIGINT NOT NULL,
    revision        BIGINT NOT NULL,
    UNIQUE (organization_id, login)
);
CREATE INDEX passwords_by_login ON passwords (login, user_id);

-- "alone": its maker managed every place that the user had by then.
CREATE TABLE password_links (
    hash            BYTEA   PRIMARY KEY,
    user_id         TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    organization_id TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    login           TEXT    NOT NULL,
    alone           BOOLEAN NOT NULL,
    created         BIGINT  NOT NULL,
    expires         BIGINT  NOT NULL
);
CREATE INDEX password_links_by_user ON password_links (user_id, created);
CREATE INDEX password_links_by_expiry ON password_links (expires);

-- One session is one family of refresh tokens. "hash" is that of the one that is
-- good; "lives" is when the last pass made from it ends.
CREATE TABLE sessions (
    id              TEXT   PRIMARY KEY,
    organization_id TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    hash            BYTEA  NOT NULL UNIQUE,
    created         BIGINT NOT NULL,
    idle            BIGINT NOT NULL,
    expires         BIGINT NOT NULL,
    lives           BIGINT NOT NULL,
    used            BIGINT NOT NULL,
    used_address    TEXT   NOT NULL,
    used_agent      TEXT   NOT NULL,
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_expiry ON sessions (expires);

-- Refresh tokens that were exchanged: one that comes back was stolen, or its
-- successor was.
CREATE TABLE session_past (
    hash       BYTEA PRIMARY KEY,
    session_id TEXT  NOT NULL REFERENCES sessions (id) ON DELETE CASCADE
);
CREATE INDEX session_past_by_session ON session_past (session_id);

-- Accounts by a hash of their name, with the addresses that proved them.
CREATE TABLE guesses (
    account   BYTEA  PRIMARY KEY,
    strangers BIGINT NOT NULL,
    owners    BIGINT NOT NULL,
    last      BIGINT NOT NULL,
    known     TEXT   NOT NULL,
    changed   BIGINT NOT NULL
);
CREATE INDEX guesses_by_change ON guesses (changed);

-- False proofs, folded by the hour.
CREATE TABLE attempts (
    hour            BIGINT NOT NULL,
    organization_id TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    account         TEXT   NOT NULL,
    address         TEXT   NOT NULL,
    code            TEXT   NOT NULL,
    count           BIGINT NOT NULL,
    last            BIGINT NOT NULL,
    PRIMARY KEY (hour, organization_id, user_id, account, address, code)
);
CREATE INDEX attempts_by_organization ON attempts (organization_id, hour);
