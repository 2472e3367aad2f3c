-- name: InsertSigningKey :exec
INSERT INTO signing_keys (id, algorithm, public, sealed, created, not_before, retired, revision)
VALUES (sqlc.arg(id), sqlc.arg(algorithm), sqlc.arg(public), sqlc.arg(sealed), sqlc.arg(created), sqlc.arg(not_before), 0, sqlc.arg(revision));

-- name: RetireSigningKey :execrows
UPDATE signing_keys SET retired = sqlc.arg(retired), revision = sqlc.arg(revision) WHERE id = sqlc.arg(id);

-- name: DeleteSigningKey :execrows
DELETE FROM signing_keys WHERE id = sqlc.arg(id);

-- name: SigningKeys :many
SELECT * FROM signing_keys ORDER BY not_before, id;
