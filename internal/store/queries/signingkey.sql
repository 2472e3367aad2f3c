-- name: InsertSigningKey :exec
INSERT INTO signing_keys (id, algorithm, public, sealed, created, not_before, retired, revision, purpose)
VALUES (sqlc.arg(id), sqlc.arg(algorithm), sqlc.arg(public), sqlc.arg(sealed), sqlc.arg(created), sqlc.arg(not_before), 0, sqlc.arg(revision), sqlc.arg(purpose));

-- name: BeginSigningKey :execrows
UPDATE signing_keys SET not_before = sqlc.arg(not_before), revision = sqlc.arg(revision) WHERE id = sqlc.arg(id);

-- name: RetireSigningKey :execrows
UPDATE signing_keys SET retired = sqlc.arg(retired), revision = sqlc.arg(revision) WHERE id = sqlc.arg(id);

-- name: DeleteSigningKey :execrows
DELETE FROM signing_keys WHERE id = sqlc.arg(id);

-- name: PruneSigningKeys :execrows
DELETE FROM signing_keys WHERE retired > 0 AND retired < sqlc.arg(before);

-- name: SigningKeys :many
SELECT * FROM signing_keys WHERE purpose = sqlc.arg(purpose) ORDER BY not_before, id;

-- name: LatestTokenExpiry :one
SELECT CAST(COALESCE(MAX(expires), 0) AS BIGINT) AS expires FROM tokens;
