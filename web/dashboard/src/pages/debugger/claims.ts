/** What a member of a pass means, and where that is laid down: number and section of an RFC; without one it is Daypass's own. */
export type Meaning = { means: string; rfc?: [number, string]; as?: 'time' | 'words' | 'life' }

export const headers: Record<string, Meaning> = {
  alg: { means: 'How it is signed; of an encrypted one, how its key was agreed on', rfc: [7515, '4.1.1'] },
  kid: { means: 'Which key signed or encrypted it', rfc: [7515, '4.1.4'] },
  typ: { means: 'What it is: an access token', rfc: [9068, '2.1'] },
  cty: { means: 'What is inside: another token', rfc: [7519, '5.2'] },
  enc: { means: 'How its content is encrypted', rfc: [7516, '4.1.2'] },
  epk: { means: 'The sender’s half of the key agreement', rfc: [7518, '4.6.1.1'] },
}

export const claims: Record<string, Meaning> = {
  iss: { means: 'Who issued it', rfc: [7519, '4.1.1'] },
  sub: { means: 'Whom it speaks for', rfc: [7519, '4.1.2'] },
  aud: { means: 'Where it is good: an application, or a whole organization', rfc: [7519, '4.1.3'], as: 'words' },
  exp: { means: 'When it ends', rfc: [7519, '4.1.4'], as: 'time' },
  nbf: { means: 'From when it counts', rfc: [7519, '4.1.5'], as: 'time' },
  iat: { means: 'When it was issued', rfc: [7519, '4.1.6'], as: 'time' },
  jti: { means: 'Its id', rfc: [7519, '4.1.7'] },
  client_id: { means: 'The key that asked for it', rfc: [8693, '4.3'] },
  scope: { means: 'What it may do', rfc: [8693, '4.2'], as: 'words' },
  act: { means: 'Who acts for the subject', rfc: [8693, '4.1'] },
  cnf: { means: 'The sender’s key, which each use must prove', rfc: [7800, '3.1'] },
  org: { means: 'Organization' },
  oid: { means: 'Id of the organization' },
  uid: { means: 'Id of the user' },
  mid: { means: 'Id of the membership' },
  aids: { means: 'Ids of the applications in aud, in the same order', as: 'words' },
  roles: { means: 'Roles, each with the organization and application that it counts in' },
  ips: { means: 'Where it may be used from; absent: anywhere', as: 'words' },
  expt: { means: 'Life that the first of its line was granted', as: 'life' },
  rn: { means: 'Whether it can be renewed' },
  rev: { means: 'What its issuer knew of revocations: later ones count against it' },
  key: { means: 'Id of the key it descends from' },
  kv: { means: 'Version of that key’s text; absent: 1' },
  via: { means: 'What proved beside or instead of the key' },
  fam: { means: 'The first pass of each family it is of; absent: its own', as: 'words' },
  enk: { means: 'The key it is encrypted with' },
}
