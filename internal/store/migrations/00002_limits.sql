-- Plans of limits, which key and which membership holds one (empty: none), what
-- has been used of quotas, and usage by subject.

-- +goose Up
CREATE TABLE plans (
    id              TEXT   PRIMARY KEY,
    organization_id TEXT   NOT NULL REFERENCES organizations (id),
    slug            TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    limits          TEXT   NOT NULL,
    created         BIGINT NOT NULL,
    revision        BIGINT NOT NULL,
    UNIQUE (organization_id, slug)
);
CREATE INDEX plans_by_revision ON plans (revision);

ALTER TABLE keys ADD COLUMN plan_id TEXT NOT NULL DEFAULT '';
ALTER TABLE memberships ADD COLUMN plan_id TEXT NOT NULL DEFAULT '';
CREATE INDEX keys_by_plan ON keys (plan_id, id) WHERE plan_id <> '';
CREATE INDEX memberships_by_plan ON memberships (plan_id, id) WHERE plan_id <> '';
CREATE INDEX keys_by_revision ON keys (revision);
CREATE INDEX memberships_by_revision ON memberships (revision);

-- period_end is the UTC day at whose beginning the count ends, from 1970-01-01.
CREATE TABLE quotas (
    limit_id        TEXT   NOT NULL,
    party           TEXT   NOT NULL,
    period_end      BIGINT NOT NULL,
    organization_id TEXT   NOT NULL, -- whose limit it is
    count           BIGINT NOT NULL,
    PRIMARY KEY (limit_id, party, period_end)
);
CREATE INDEX quotas_by_period_end ON quotas (period_end);

CREATE TABLE usage_by_subject (
    organization_id TEXT   NOT NULL,
    day             BIGINT NOT NULL,
    application_id  TEXT   NOT NULL,
    key_id          TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    outcome         TEXT   NOT NULL,
    count           BIGINT NOT NULL,
    PRIMARY KEY (organization_id, day, application_id, key_id, subject, outcome)
);
INSERT INTO usage_by_subject (organization_id, day, application_id, key_id, subject, outcome, count)
SELECT organization_id, day, application_id, key_id, '', outcome, count FROM usage;
DROP TABLE usage;
ALTER TABLE usage_by_subject RENAME TO usage;
