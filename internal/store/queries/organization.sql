-- name: InsertOrganization :exec
INSERT INTO organizations (id, slug, name, active, created, revision)
VALUES (sqlc.arg(id), sqlc.arg(slug), sqlc.arg(name), sqlc.arg(active), sqlc.arg(created), sqlc.arg(revision));

-- name: UpdateOrganization :execrows
UPDATE organizations SET name = sqlc.arg(name), active = sqlc.arg(active), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id);

-- name: Organization :one
-- An id has an underscore and a slug has none, so no row answers to another's name.
SELECT * FROM organizations WHERE id = sqlc.arg(slug_or_id) OR slug = sqlc.arg(slug_or_id);

-- name: Organizations :many
SELECT * FROM organizations WHERE id > sqlc.arg(after) ORDER BY id LIMIT sqlc.arg(most);
