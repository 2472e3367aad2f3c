-- name: InsertIssuer :exec
INSERT INTO issuers (id, organization_id, slug, url, active, rules, created, revision)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(slug), sqlc.arg(url), sqlc.arg(active), sqlc.arg(rules), sqlc.arg(created), sqlc.arg(revision));

-- name: UpdateIssuer :execrows
UPDATE issuers SET url = sqlc.arg(url), active = sqlc.arg(active), rules = sqlc.arg(rules), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: DeleteIssuer :execrows
DELETE FROM issuers WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: Issuer :one
SELECT sqlc.embed(i), o.slug AS organization FROM issuers i JOIN organizations o ON o.id = i.organization_id
WHERE i.organization_id = sqlc.arg(organization_id) AND (i.id = sqlc.arg(slug_or_id) OR i.slug = sqlc.arg(slug_or_id));

-- name: IssuerByID :one
SELECT sqlc.embed(i), sqlc.embed(o) FROM issuers i JOIN organizations o ON o.id = i.organization_id WHERE i.id = sqlc.arg(id);

-- name: Issuers :many
SELECT sqlc.embed(i), o.slug AS organization FROM issuers i JOIN organizations o ON o.id = i.organization_id
WHERE i.organization_id = sqlc.arg(organization_id) AND i.id > sqlc.arg(after) ORDER BY i.id LIMIT sqlc.arg(most);

-- name: ActiveIssuers :many
SELECT sqlc.embed(i), o.slug AS organization FROM issuers i JOIN organizations o ON o.id = i.organization_id
WHERE i.active AND o.active ORDER BY i.id;

-- name: IssuersChanged :one
-- Whether an issuer, or an organization that one may be of, changed. One that was deleted is revoked.
SELECT CAST((SELECT COUNT(*) FROM issuers i WHERE i.revision > sqlc.arg(after)) + (SELECT COUNT(*) FROM organizations o WHERE o.revision > sqlc.arg(after)) AS BIGINT) AS changed;

-- name: CountIssuers :one
SELECT COUNT(*) FROM issuers WHERE organization_id = sqlc.arg(organization_id);
