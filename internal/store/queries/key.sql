-- name: InsertKey :exec
INSERT INTO keys (id, organization_id, user_id, kind, comment, scopes, roles, networks, expires, max_token_life,
                  require_signature, may_name_subjects, secret_sealed, hash, prev_hash, prev_until, version, created,
                  accessed, accessed_address, accessed_agent, uses, plan_id, public_key, revision)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(user_id), sqlc.arg(kind), sqlc.arg(comment), sqlc.arg(scopes), sqlc.arg(roles),
        sqlc.arg(networks), sqlc.arg(expires), sqlc.arg(max_token_life), sqlc.arg(require_signature), sqlc.arg(may_name_subjects),
        sqlc.arg(secret_sealed), sqlc.arg(hash), NULL, 0, sqlc.arg(version), sqlc.arg(created), 0, '', '', 0, sqlc.arg(plan_id),
        sqlc.arg(public_key), sqlc.arg(revision));

-- name: UpdateKey :execrows
UPDATE keys SET comment = sqlc.arg(comment), scopes = sqlc.arg(scopes), roles = sqlc.arg(roles), networks = sqlc.arg(networks),
                expires = sqlc.arg(expires), max_token_life = sqlc.arg(max_token_life), require_signature = sqlc.arg(require_signature),
                may_name_subjects = sqlc.arg(may_name_subjects), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: RotateKey :execrows
UPDATE keys SET prev_hash = hash, prev_until = sqlc.arg(prev_until), hash = sqlc.arg(hash), version = sqlc.arg(version),
                prev_secret_sealed = secret_sealed, secret_sealed = sqlc.arg(secret_sealed), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND version = sqlc.arg(version) - 1;

-- name: UseKey :exec
-- Batches of several servers may arrive out of order: uses add up, the latest use stays.
UPDATE keys SET uses = uses + sqlc.arg(uses),
                accessed_address = CASE WHEN accessed <= sqlc.arg(accessed) THEN sqlc.arg(accessed_address) ELSE accessed_address END,
                accessed_agent = CASE WHEN accessed <= sqlc.arg(accessed) THEN sqlc.arg(accessed_agent) ELSE accessed_agent END,
                accessed = CASE WHEN accessed <= sqlc.arg(accessed) THEN sqlc.arg(accessed) ELSE accessed END
WHERE id = sqlc.arg(id);

-- name: DeleteKey :execrows
DELETE FROM keys WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: Key :one
SELECT * FROM keys WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: KeySecret :one
SELECT secret_sealed FROM keys WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: KeysOfOrganization :many
SELECT * FROM keys
WHERE organization_id = sqlc.arg(organization_id) AND id > sqlc.arg(after)
  AND (CAST(sqlc.arg(pattern) AS TEXT) = ''
    OR lower(id || ' ' || comment || ' ' || CAST(scopes AS TEXT)) LIKE CAST(sqlc.arg(pattern) AS TEXT) ESCAPE '!')
ORDER BY id LIMIT sqlc.arg(most);

-- name: KeysOfUser :many
SELECT * FROM keys WHERE organization_id = sqlc.arg(organization_id) AND user_id = sqlc.arg(user_id) AND id > sqlc.arg(after)
  AND (CAST(sqlc.arg(pattern) AS TEXT) = ''
    OR lower(id || ' ' || comment || ' ' || CAST(scopes AS TEXT)) LIKE CAST(sqlc.arg(pattern) AS TEXT) ESCAPE '!')
ORDER BY id LIMIT sqlc.arg(most);

-- name: CountLiveKeysOfUser :one
SELECT COUNT(*) FROM keys
WHERE organization_id = sqlc.arg(organization_id) AND user_id = sqlc.arg(user_id) AND (expires = 0 OR expires > sqlc.arg(now));

-- name: HolderByHash :one
SELECT sqlc.embed(k), sqlc.embed(m), sqlc.embed(u), sqlc.embed(o)
FROM keys k
JOIN memberships m ON m.organization_id = k.organization_id AND m.user_id = k.user_id
JOIN users u ON u.id = k.user_id
JOIN organizations o ON o.id = k.organization_id
WHERE k.hash = sqlc.arg(hash) OR (k.prev_hash = sqlc.arg(hash) AND k.prev_until > sqlc.arg(now));

-- name: HolderByKey :one
SELECT sqlc.embed(k), sqlc.embed(m), sqlc.embed(u), sqlc.embed(o)
FROM keys k
JOIN memberships m ON m.organization_id = k.organization_id AND m.user_id = k.user_id
JOIN users u ON u.id = k.user_id
JOIN organizations o ON o.id = k.organization_id
WHERE k.id = sqlc.arg(id);
