-- name: SetPublicKeyOfKey :execrows
UPDATE keys SET public_key = sqlc.arg(public_key), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);
