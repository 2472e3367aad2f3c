-- name: InsertRole :exec
INSERT INTO roles (id, organization_id, name, comment, scopes, revision)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(name), sqlc.arg(comment), sqlc.arg(scopes), sqlc.arg(revision));

-- name: UpdateRole :execrows
UPDATE roles SET comment = sqlc.arg(comment), scopes = sqlc.arg(scopes), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: DeleteRole :execrows
DELETE FROM roles WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: Role :one
-- A role may be named like another's id: the id goes first.
SELECT * FROM roles WHERE organization_id = sqlc.arg(organization_id) AND (id = sqlc.arg(name_or_id) OR name = sqlc.arg(name_or_id))
ORDER BY CASE WHEN id = sqlc.arg(name_or_id) THEN 0 ELSE 1 END LIMIT 1;

-- name: Roles :many
SELECT * FROM roles WHERE organization_id = sqlc.arg(organization_id) ORDER BY name;
