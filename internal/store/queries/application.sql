-- name: PutApplication :execrows
INSERT INTO applications (id, organization_id, slug, document, shadow, active, deleted, created, revision)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(slug), sqlc.arg(document), sqlc.arg(shadow), sqlc.arg(active), FALSE, sqlc.arg(created), sqlc.arg(revision))
ON CONFLICT (id) DO UPDATE SET document = excluded.document, shadow = excluded.shadow, active = excluded.active, revision = excluded.revision
WHERE applications.organization_id = excluded.organization_id AND applications.slug = excluded.slug AND NOT applications.deleted;

-- name: DeleteApplication :execrows
UPDATE applications SET deleted = TRUE, active = FALSE, document = NULL, shadow = NULL, revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id) AND NOT deleted;

-- name: Application :one
SELECT sqlc.embed(a), o.slug AS organization FROM applications a JOIN organizations o ON o.id = a.organization_id
WHERE a.organization_id = sqlc.arg(organization_id) AND (a.id = sqlc.arg(slug_or_id) OR a.slug = sqlc.arg(slug_or_id)) AND NOT a.deleted;

-- name: Applications :many
SELECT sqlc.embed(a), o.slug AS organization FROM applications a JOIN organizations o ON o.id = a.organization_id
WHERE a.organization_id = sqlc.arg(organization_id) AND a.id > sqlc.arg(after) AND NOT a.deleted
ORDER BY a.id LIMIT sqlc.arg(most);

-- name: ApplicationSlug :one
SELECT slug, revision FROM applications WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id) AND NOT deleted;

-- name: ApplicationsSince :many
SELECT sqlc.embed(a), o.slug AS organization FROM applications a JOIN organizations o ON o.id = a.organization_id
WHERE a.revision > sqlc.arg(after) ORDER BY a.revision, a.id;
