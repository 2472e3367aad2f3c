import { AppWindow, Bug, ChartColumn, Gauge, History, KeyRound, type LucideIcon, Settings, Ticket, Users } from 'lucide-react'

export type Place = { to: NavPath; title: string; icon: LucideIcon; keywords: string }

type NavPath =
  | '/o/$org'
  | '/o/$org/members'
  | '/o/$org/keys'
  | '/o/$org/tokens'
  | '/o/$org/debugger'
  | '/o/$org/applications'
  | '/o/$org/audit'
  | '/o/$org/usage'
  | '/o/$org/settings'

/** What the navigation shows, in groups. */
export const places: Place[][] = [
  [{ to: '/o/$org', title: 'Overview', icon: Gauge, keywords: 'home start dashboard' }],
  [
    { to: '/o/$org/applications', title: 'Applications', icon: AppWindow, keywords: 'api resources routes yaml shadow replay' },
    { to: '/o/$org/keys', title: 'Keys', icon: KeyRound, keywords: 'api key secret rotate' },
    { to: '/o/$org/tokens', title: 'Passes', icon: Ticket, keywords: 'tokens jwt revoke live lineage' },
    { to: '/o/$org/debugger', title: 'Debugger', icon: Bug, keywords: 'why denied explain decode jwt token' },
    { to: '/o/$org/members', title: 'Members', icon: Users, keywords: 'users people roles invite' },
  ],
  [
    { to: '/o/$org/usage', title: 'Usage', icon: ChartColumn, keywords: 'requests outcomes statistics' },
    { to: '/o/$org/audit', title: 'Audit', icon: History, keywords: 'events log history export' },
    { to: '/o/$org/settings', title: 'Settings', icon: Settings, keywords: 'issuers signing keys networks plans passkeys' },
  ],
]
