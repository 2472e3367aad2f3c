-- name: Password :one
SELECT * FROM passwords WHERE user_id = sqlc.arg(user_id);

-- name: PasswordsByLogin :many
SELECT * FROM passwords WHERE login = sqlc.arg(login) ORDER BY user_id LIMIT 20;

-- name: PutPassword :exec
INSERT INTO passwords (user_id, organization_id, login, hash, changed, used, revision)
VALUES (sqlc.arg(user_id), sqlc.arg(organization_id), sqlc.arg(login), sqlc.arg(hash), sqlc.arg(changed), 0, sqlc.arg(revision))
ON CONFLICT (user_id) DO UPDATE SET organization_id = excluded.organization_id, login = excluded.login, hash = excluded.hash,
                                    changed = excluded.changed, revision = excluded.revision;

-- name: Rehash :execrows
UPDATE passwords SET hash = sqlc.arg(hash) WHERE user_id = sqlc.arg(user_id) AND hash = sqlc.arg(old);

-- name: UsePassword :execrows
UPDATE passwords SET used = sqlc.arg(used) WHERE user_id = sqlc.arg(user_id) AND hash = sqlc.arg(hash);

-- name: InsertPasswordLink :exec
INSERT INTO password_links (hash, user_id, organization_id, kind, login, alone, created, expires)
VALUES (sqlc.arg(hash), sqlc.arg(user_id), sqlc.arg(organization_id), sqlc.arg(kind), sqlc.arg(login), sqlc.arg(alone), sqlc.arg(created), sqlc.arg(expires));

-- name: PasswordLink :one
SELECT * FROM password_links WHERE hash = sqlc.arg(hash) AND expires > sqlc.arg(now);

-- name: LatestPasswordLink :one
SELECT CAST(COALESCE(MAX(created), 0) AS BIGINT) AS created FROM password_links WHERE user_id = sqlc.arg(user_id) AND expires > sqlc.arg(now);

-- name: TakePasswordLink :execrows
DELETE FROM password_links WHERE hash = sqlc.arg(hash) AND expires > sqlc.arg(now);

-- name: DeletePasswordLinks :exec
DELETE FROM password_links WHERE user_id = sqlc.arg(user_id);

-- name: PrunePasswordLinks :execrows
DELETE FROM password_links WHERE expires <= sqlc.arg(now);

-- name: InsertSession :exec
INSERT INTO sessions (id, organization_id, user_id, hash, created, idle, expires, lives, used, used_address, used_agent, confirmation)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(user_id), sqlc.arg(hash), sqlc.arg(created), sqlc.arg(idle), sqlc.arg(expires),
        sqlc.arg(lives), sqlc.arg(used), sqlc.arg(used_address), sqlc.arg(used_agent), sqlc.arg(confirmation));

-- name: Session :one
SELECT * FROM sessions WHERE id = sqlc.arg(id);

-- name: SessionByHash :one
SELECT * FROM sessions WHERE hash = sqlc.arg(hash);

-- name: SessionByPast :one
SELECT s.* FROM session_past p JOIN sessions s ON s.id = p.session_id WHERE p.hash = sqlc.arg(hash);

-- name: RotateSession :execrows
UPDATE sessions SET hash = sqlc.arg(hash), idle = sqlc.arg(idle), lives = sqlc.arg(lives), used = sqlc.arg(used),
                    used_address = sqlc.arg(used_address), used_agent = sqlc.arg(used_agent), confirmation = sqlc.arg(confirmation)
WHERE id = sqlc.arg(id) AND hash = sqlc.arg(old);

-- name: InsertSessionPast :exec
INSERT INTO session_past (hash, session_id) VALUES (sqlc.arg(hash), sqlc.arg(session_id));

-- name: SessionsOfUser :many
SELECT * FROM sessions WHERE user_id = sqlc.arg(user_id) AND id > sqlc.arg(after) ORDER BY id LIMIT sqlc.arg(most);

-- name: SessionsOfMember :many
SELECT * FROM sessions WHERE organization_id = sqlc.arg(organization_id) AND user_id = sqlc.arg(user_id) AND id > sqlc.arg(after)
                         AND expires > sqlc.arg(now) AND idle > sqlc.arg(now) ORDER BY id LIMIT sqlc.arg(most);

-- name: DeleteSession :execrows
DELETE FROM sessions WHERE id = sqlc.arg(id);

-- name: DeleteSessionsOfUser :exec
DELETE FROM sessions WHERE user_id = sqlc.arg(user_id);

-- name: PruneSessions :execrows
DELETE FROM sessions WHERE lives <= sqlc.arg(now) AND (expires <= sqlc.arg(now) OR idle <= sqlc.arg(now));

-- name: HolderByMember :one
SELECT sqlc.embed(m), sqlc.embed(u), sqlc.embed(o)
FROM memberships m
JOIN users u ON u.id = m.user_id
JOIN organizations o ON o.id = m.organization_id
WHERE m.organization_id = sqlc.arg(organization_id) AND m.user_id = sqlc.arg(user_id);

-- name: AddGuesses :exec
INSERT INTO guesses (account, strangers, owners, last, known, changed)
VALUES (sqlc.arg(account), sqlc.arg(strangers), sqlc.arg(owners), sqlc.arg(last), sqlc.arg(known), sqlc.arg(changed))
ON CONFLICT (account) DO UPDATE SET
    strangers = guesses.strangers + excluded.strangers, owners = guesses.owners + excluded.owners,
    last = CASE WHEN guesses.last > excluded.last THEN guesses.last ELSE excluded.last END,
    known = CASE WHEN excluded.known = '' THEN guesses.known ELSE excluded.known END, changed = excluded.changed;

-- name: SetGuesses :exec
INSERT INTO guesses (account, strangers, owners, last, known, changed)
VALUES (sqlc.arg(account), sqlc.arg(strangers), sqlc.arg(owners), sqlc.arg(last), sqlc.arg(known), sqlc.arg(changed))
ON CONFLICT (account) DO UPDATE SET strangers = excluded.strangers, owners = excluded.owners, last = excluded.last,
                                    known = excluded.known, changed = excluded.changed;

-- name: GuessesSince :many
SELECT * FROM guesses WHERE changed > sqlc.arg(since) ORDER BY changed DESC LIMIT sqlc.arg(most);

-- name: PruneGuesses :execrows
DELETE FROM guesses WHERE changed <= sqlc.arg(before);

-- name: AddAttempt :exec
INSERT INTO attempts (hour, organization_id, user_id, account, address, code, count, last)
VALUES (sqlc.arg(hour), sqlc.arg(organization_id), sqlc.arg(user_id), sqlc.arg(account), sqlc.arg(address), sqlc.arg(code), sqlc.arg(count), sqlc.arg(last))
ON CONFLICT (hour, organization_id, user_id, account, address, code) DO UPDATE SET count = attempts.count + excluded.count, last = excluded.last;

-- name: AttemptsOfOrganization :many
SELECT * FROM attempts WHERE organization_id = sqlc.arg(organization_id) AND hour >= sqlc.arg(since) ORDER BY last DESC, account, address, code LIMIT sqlc.arg(most);

-- name: PruneAttempts :execrows
DELETE FROM attempts WHERE hour < sqlc.arg(before);

-- name: PlacesOfUser :many
SELECT o.id, o.slug, CAST(m.active AND o.active AS BOOLEAN) AS active FROM memberships m JOIN organizations o ON o.id = m.organization_id
WHERE m.user_id = sqlc.arg(user_id) ORDER BY m.id LIMIT 100;
