-- name: InsertIdentity :exec
INSERT INTO identities (id, organization_id, key_id, public_key, active, comment, created, accessed, accessed_address, accessed_agent, revision)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(key_id), sqlc.arg(public_key), sqlc.arg(active), sqlc.arg(comment), sqlc.arg(created),
        sqlc.arg(accessed), sqlc.arg(accessed_address), sqlc.arg(accessed_agent), sqlc.arg(revision));

-- name: AddIdentityCount :one
INSERT INTO identity_counts (key_id, count) VALUES (sqlc.arg(key_id), sqlc.arg(more))
ON CONFLICT (key_id) DO UPDATE SET count = identity_counts.count + excluded.count
RETURNING count;

-- name: UpdateIdentity :execrows
UPDATE identities SET active = sqlc.arg(active), comment = sqlc.arg(comment), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: TouchIdentity :exec
UPDATE identities SET accessed = sqlc.arg(accessed), accessed_address = sqlc.arg(accessed_address), accessed_agent = sqlc.arg(accessed_agent)
WHERE id = sqlc.arg(id) AND accessed <= sqlc.arg(accessed);

-- name: DeleteIdentity :execrows
DELETE FROM identities WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: Identity :one
SELECT * FROM identities WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: IdentityByPublicKey :one
SELECT * FROM identities WHERE key_id = sqlc.arg(key_id) AND public_key = sqlc.arg(public_key);

-- name: IdentityOfKey :one
SELECT * FROM identities WHERE id = sqlc.arg(id) AND key_id = sqlc.arg(key_id);

-- name: IdentitiesOfOrganization :many
SELECT * FROM identities WHERE organization_id = sqlc.arg(organization_id) AND id > sqlc.arg(after) ORDER BY id LIMIT sqlc.arg(most);

-- name: IdentitiesOfKey :many
SELECT * FROM identities WHERE organization_id = sqlc.arg(organization_id) AND key_id = sqlc.arg(key_id) AND id > sqlc.arg(after)
ORDER BY id LIMIT sqlc.arg(most);

-- name: IdentitiesOfUser :many
SELECT i.* FROM identities i JOIN keys k ON k.id = i.key_id
WHERE i.organization_id = sqlc.arg(organization_id) AND k.user_id = sqlc.arg(user_id) AND i.id > sqlc.arg(after)
ORDER BY i.id LIMIT sqlc.arg(most);
