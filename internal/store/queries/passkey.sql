-- name: InsertPasskey :exec
INSERT INTO passkeys (id, organization_id, user_id, credential_id, name, credential, counter, created, used, used_address, used_agent, revision)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(user_id), sqlc.arg(credential_id), sqlc.arg(name), sqlc.arg(credential), sqlc.arg(counter), sqlc.arg(created), 0, '', '', sqlc.arg(revision));

-- name: PasskeyByCredential :one
SELECT * FROM passkeys WHERE credential_id = sqlc.arg(credential_id);

-- name: PasskeysOfMember :many
SELECT * FROM passkeys WHERE organization_id = sqlc.arg(organization_id) AND user_id = sqlc.arg(user_id) ORDER BY id LIMIT 100;

-- name: UsePasskey :execrows
UPDATE passkeys SET credential = sqlc.arg(credential), counter = sqlc.arg(counter), used = sqlc.arg(used), used_address = sqlc.arg(used_address), used_agent = sqlc.arg(used_agent)
WHERE id = sqlc.arg(id) AND counter = sqlc.arg(old_counter);

-- name: DeletePasskey :execrows
DELETE FROM passkeys WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id) AND user_id = sqlc.arg(user_id);
