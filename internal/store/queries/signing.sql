-- name: KeySecrets :one
SELECT organization_id, version, prev_until, secret_sealed, prev_secret_sealed FROM keys WHERE id = sqlc.arg(id);
