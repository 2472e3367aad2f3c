-- name: InsertToken :exec
INSERT INTO tokens (id, head, parent_id, lineage, organization_id, user_id, key_id, origin, subject, scopes, roles, audience, ips,
                    renewable, issued, expires, asked, asked_address, asked_agent, actors, revision)
VALUES (sqlc.arg(id), sqlc.arg(head), sqlc.arg(parent_id), sqlc.arg(lineage), sqlc.arg(organization_id), sqlc.arg(user_id), sqlc.arg(key_id),
        sqlc.arg(origin), sqlc.arg(subject), sqlc.arg(scopes), sqlc.arg(roles), sqlc.arg(audience), sqlc.arg(ips), sqlc.arg(renewable),
        sqlc.arg(issued), sqlc.arg(expires), sqlc.arg(asked), sqlc.arg(asked_address), sqlc.arg(asked_agent), sqlc.arg(actors), sqlc.arg(revision))
ON CONFLICT (id) DO NOTHING;

-- name: Token :one
SELECT * FROM tokens WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: TokensOfOrganization :many
SELECT * FROM tokens
WHERE organization_id = sqlc.arg(organization_id) AND id < sqlc.arg(before) AND expires > sqlc.arg(live_at)
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: TokensOfKey :many
SELECT * FROM tokens
WHERE key_id = sqlc.arg(key_id) AND organization_id = sqlc.arg(organization_id) AND id < sqlc.arg(before) AND expires > sqlc.arg(live_at)
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: TokensOfUser :many
SELECT * FROM tokens
WHERE user_id = sqlc.arg(user_id) AND organization_id = sqlc.arg(organization_id) AND id < sqlc.arg(before) AND expires > sqlc.arg(live_at)
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: PruneTokens :execrows
DELETE FROM tokens WHERE tokens.id IN (SELECT t.id FROM tokens t WHERE t.expires <= sqlc.arg(expired_before) LIMIT sqlc.arg(most));
