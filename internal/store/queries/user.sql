-- name: InsertUser :exec
INSERT INTO users (id, name, email, active, created, revision)
VALUES (sqlc.arg(id), sqlc.arg(name), sqlc.arg(email), sqlc.arg(active), sqlc.arg(created), sqlc.arg(revision));

-- name: UpdateUser :execrows
UPDATE users SET name = sqlc.arg(name), email = sqlc.arg(email), active = sqlc.arg(active), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id);

-- name: DeleteUser :execrows
DELETE FROM users WHERE id = sqlc.arg(id);

-- name: User :one
SELECT * FROM users WHERE id = sqlc.arg(id);

-- name: InsertMembership :exec
INSERT INTO memberships (id, organization_id, user_id, roles, comment, active, created, accessed, accessed_address, accessed_agent, plan_id, revision)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(user_id), sqlc.arg(roles), sqlc.arg(comment), sqlc.arg(active), sqlc.arg(created), 0, '', '', sqlc.arg(plan_id), sqlc.arg(revision));

-- name: UpdateMembership :execrows
UPDATE memberships SET roles = sqlc.arg(roles), comment = sqlc.arg(comment), active = sqlc.arg(active), plan_id = sqlc.arg(plan_id), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: TouchMembership :exec
UPDATE memberships SET accessed = sqlc.arg(accessed), accessed_address = sqlc.arg(accessed_address), accessed_agent = sqlc.arg(accessed_agent)
WHERE id = sqlc.arg(id) AND accessed <= sqlc.arg(accessed);

-- name: DeleteMembership :execrows
DELETE FROM memberships WHERE organization_id = sqlc.arg(organization_id) AND user_id = sqlc.arg(user_id);

-- name: Membership :one
SELECT * FROM memberships WHERE organization_id = sqlc.arg(organization_id) AND user_id = sqlc.arg(user_id);

-- name: Members :many
-- A profile is found only where it is shown: in the organization its user came from first.
SELECT sqlc.embed(m), sqlc.embed(u) FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.organization_id = sqlc.arg(organization_id) AND m.id > sqlc.arg(after)
  AND (CAST(sqlc.arg(user_id) AS TEXT) = '' OR m.user_id = CAST(sqlc.arg(user_id) AS TEXT))
  AND (CAST(sqlc.arg(role) AS TEXT) = '' OR EXISTS (
        SELECT 1 FROM membership_roles r
        WHERE r.organization_id = m.organization_id AND r.role = CAST(sqlc.arg(role) AS TEXT) AND r.membership_id = m.id))
  AND (CAST(sqlc.arg(pattern) AS TEXT) = ''
    OR lower(m.user_id || ' ' || m.comment) LIKE CAST(sqlc.arg(pattern) AS TEXT) ESCAPE '!'
    OR (lower(u.name || ' ' || u.email) LIKE CAST(sqlc.arg(pattern) AS TEXT) ESCAPE '!'
      AND (CAST(sqlc.arg(all_profiles) AS BOOLEAN) OR m.organization_id = (
        SELECT h.organization_id FROM memberships h WHERE h.user_id = m.user_id ORDER BY h.id LIMIT 1))))
ORDER BY m.id LIMIT sqlc.arg(most);

-- name: MembershipsOfUser :many
SELECT * FROM memberships WHERE user_id = sqlc.arg(user_id) AND id > sqlc.arg(after) ORDER BY id LIMIT sqlc.arg(most);

-- name: MembershipsWithRole :many
SELECT m.* FROM membership_roles r JOIN memberships m ON m.id = r.membership_id
WHERE r.organization_id = sqlc.arg(organization_id) AND r.role = sqlc.arg(role) AND r.membership_id > sqlc.arg(after)
ORDER BY r.membership_id LIMIT sqlc.arg(most);

-- name: InsertMembershipRole :exec
INSERT INTO membership_roles (organization_id, role, membership_id)
VALUES (sqlc.arg(organization_id), sqlc.arg(role), sqlc.arg(membership_id));

-- name: DeleteMembershipRoles :exec
DELETE FROM membership_roles WHERE membership_id = sqlc.arg(membership_id);

-- name: CountActive :one
SELECT COUNT(*) FROM membership_roles r JOIN memberships m ON m.id = r.membership_id JOIN users u ON u.id = m.user_id
WHERE r.organization_id = sqlc.arg(organization_id) AND r.role = sqlc.arg(role) AND m.active AND u.active;

-- name: CountActiveEverywhere :one
SELECT COUNT(*) FROM membership_roles r JOIN memberships m ON m.id = r.membership_id JOIN users u ON u.id = m.user_id
JOIN organizations o ON o.id = r.organization_id
WHERE r.role = sqlc.arg(role) AND m.active AND u.active AND o.active;
