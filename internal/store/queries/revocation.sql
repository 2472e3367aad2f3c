-- name: PutRevocation :exec
INSERT INTO revocations (subject, revision, reason, effective, created, keep_until)
VALUES (sqlc.arg(subject), sqlc.arg(revision), sqlc.arg(reason), sqlc.arg(effective), sqlc.arg(created), sqlc.arg(keep_until));

-- name: RevocationsSince :many
SELECT subject, revision, reason, effective, created FROM revocations WHERE revision > sqlc.arg(after) ORDER BY revision, subject;

-- name: LatestRevocation :one
SELECT CAST(COALESCE(MAX(revision), 0) AS BIGINT) AS revision FROM revocations
WHERE subject = sqlc.arg(subject) AND effective <= sqlc.arg(now);

-- name: PruneRevocations :execrows
DELETE FROM revocations WHERE keep_until <= sqlc.arg(now);

-- name: SettleRevocations :execrows
UPDATE revocations SET effective = 0 WHERE effective > 0 AND effective <= sqlc.arg(now);
