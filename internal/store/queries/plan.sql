-- name: InsertPlan :exec
INSERT INTO plans (id, organization_id, slug, name, limits, created, revision)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(slug), sqlc.arg(name), sqlc.arg(limits), sqlc.arg(created), sqlc.arg(revision));

-- name: UpdatePlan :execrows
UPDATE plans SET name = sqlc.arg(name), limits = sqlc.arg(limits), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: DeletePlan :execrows
DELETE FROM plans WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: Plan :one
SELECT * FROM plans WHERE organization_id = sqlc.arg(organization_id) AND (id = sqlc.arg(slug_or_id) OR slug = sqlc.arg(slug_or_id));

-- name: Plans :many
SELECT * FROM plans WHERE organization_id = sqlc.arg(organization_id) AND id > sqlc.arg(after) ORDER BY id LIMIT sqlc.arg(most);

-- name: PlansSince :many
SELECT * FROM plans WHERE revision > sqlc.arg(after) ORDER BY revision, id;

-- name: PlanHolders :many
-- Those that hold one, to begin with.
SELECT id, plan_id FROM keys WHERE plan_id <> ''
UNION ALL
SELECT id, plan_id FROM memberships WHERE plan_id <> '';

-- name: PlanHoldersSince :many
-- Also those that hold none any more.
SELECT k.id, k.plan_id FROM keys k WHERE k.revision > sqlc.arg(after)
UNION ALL
SELECT m.id, m.plan_id FROM memberships m WHERE m.revision > sqlc.arg(after);

-- name: CountPlanHolders :one
SELECT (SELECT COUNT(*) FROM keys k WHERE k.plan_id = sqlc.arg(plan_id)) + (SELECT COUNT(*) FROM memberships m WHERE m.plan_id = sqlc.arg(plan_id)) AS holders;

-- name: SetPlanOfKey :execrows
UPDATE keys SET plan_id = sqlc.arg(plan_id), revision = sqlc.arg(revision)
WHERE id = sqlc.arg(id) AND organization_id = sqlc.arg(organization_id);

-- name: AddQuota :exec
INSERT INTO quotas (limit_id, party, period_end, organization_id, count)
VALUES (sqlc.arg(limit_id), sqlc.arg(party), sqlc.arg(period_end), sqlc.arg(organization_id), sqlc.arg(count))
ON CONFLICT (limit_id, party, period_end) DO UPDATE SET count = quotas.count + excluded.count;

-- name: Quotas :many
-- Of each organization those of which most was used, and equally many of each.
SELECT * FROM quotas WHERE period_end > sqlc.arg(day)
ORDER BY ROW_NUMBER() OVER (PARTITION BY organization_id ORDER BY count DESC, limit_id, party), organization_id LIMIT sqlc.arg(most);

-- name: PruneQuotas :execrows
DELETE FROM quotas WHERE period_end <= sqlc.arg(day);
