-- name: Head :one
SELECT revision, chain FROM head WHERE id = 1;

-- name: AdvanceHead :one
-- Advancing the head comes first in every change: the row's lock puts changes
-- in one line, so revisions commit in their order.
UPDATE head SET revision = revision + 1 WHERE id = 1 RETURNING revision, chain;

-- name: SetHeadChain :exec
UPDATE head SET chain = sqlc.arg(chain) WHERE id = 1;

-- name: LockHead :exec
-- Takes the same lock without a change, for batches.
UPDATE head SET revision = revision WHERE id = 1;

-- name: Settings :many
SELECT name, value FROM settings ORDER BY name;

-- name: Setting :one
SELECT value FROM settings WHERE name = sqlc.arg(name);

-- name: PutSetting :exec
INSERT INTO settings (name, value, revision)
VALUES (sqlc.arg(name), sqlc.arg(value), sqlc.arg(revision))
ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = excluded.revision;
