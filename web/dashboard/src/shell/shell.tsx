import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { BookOpen, Building2, ChevronsUpDown, LogOut, Menu as MenuIcon, Monitor, Moon, Search, Sun, UserRound } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { buttonClass, IconButton } from '~/parts/button'
import { cx } from '~/parts/cx'
import { Sheet } from '~/parts/dialog'
import { Menu } from '~/parts/menu'
import { ok, useSession, useSessionState } from '~/session'
import { useMe } from '~/session/me'
import { setTheme, useTheme } from '~/theme'
import { useCommands } from './commands'
import { useLeave } from './leave'
import { Mark } from './mark'
import { places } from './nav'
import { openPalette } from './palette'

/** The frame of every page below /o/{org}: navigation at the side, on a phone in a drawer. */
export function Shell() {
  const [drawer, setDrawer] = useState(false)
  const path = useRouterState({ select: (state) => state.location.pathname })
  const main = useRef<HTMLElement>(null)
  const before = useRef(path)
  useShellCommands()
  useEffect(() => {
    setDrawer(false)
    // A new page is read from its beginning; the first one has the focus where the browser put it.
    if (before.current !== path) main.current?.focus({ preventScroll: true })
    before.current = path
  }, [path])
  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[15rem_minmax(0,1fr)]">
      <a href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())} className={cx(buttonClass({ tone: 'primary' }), 'fixed top-2 left-2 z-50 not-focus:sr-only')}>
        Skip to the content
      </a>
      <aside className="sticky top-0 hidden h-dvh flex-col gap-3 border-r border-line bg-surface p-3 lg:flex">
        <div className="flex h-9 items-center px-1">
          <Mark />
        </div>
        <SideContent />
      </aside>
      <header className="sticky top-0 z-20 flex h-14 items-center gap-1 border-b border-line bg-surface px-2 lg:hidden">
        <IconButton label="Navigation" icon={MenuIcon} onClick={() => setDrawer(true)} />
        <Mark />
        <span className="flex-1" />
        <IconButton label="Search and commands" icon={Search} onClick={openPalette} />
        <AccountMenu compact />
      </header>
      <Sheet side="left" open={drawer} onClose={() => setDrawer(false)} title={<Mark />}>
        <div className="flex flex-col gap-3">
          <SideContent />
        </div>
      </Sheet>
      <div className="flex min-w-0 flex-col">
        <FleetingNote />
        <main ref={main} id="main" tabIndex={-1} className="mx-auto w-full max-w-6xl flex-1 px-4 py-6 outline-none sm:px-6 lg:py-8">
          <Outlet />
        </main>
      </div>
    </div>
  )
}

function SideContent() {
  return (
    <>
      <OrganizationMenu />
      <button type="button" onClick={openPalette} className="flex h-9 items-center gap-2 rounded-md border border-line bg-bg px-2.5 text-muted hover:bg-hover">
        <Search aria-hidden className="size-4" />
        <span className="flex-1 text-left">Search</span>
        <kbd aria-hidden className="rounded border border-line px-1.5 text-xs pointer-coarse:hidden">
          {/Mac|iP(hone|ad)/.test(navigator.platform) ? '⌘K' : 'Ctrl K'}
        </kbd>
      </button>
      <Navigation />
      <div className="mt-auto flex flex-col gap-1 border-t border-line pt-3">
        <a href="/docs" className="flex h-8 items-center gap-2.5 rounded-md px-2.5 text-muted hover:bg-hover hover:text-text">
          <BookOpen aria-hidden className="size-4" />
          API reference
        </a>
        <AccountMenu />
      </div>
    </>
  )
}

function Navigation() {
  const { org } = useSession()
  return (
    <nav aria-label="Pages" className="flex flex-col gap-3 overflow-y-auto">
      {places.map((group, index) => (
        <ul key={index} className="flex flex-col gap-0.5">
          {group.map((place) => (
            <li key={place.to}>
              <Link
                to={place.to}
                params={{ org }}
                activeOptions={{ exact: place.to === '/o/$org' }}
                className="flex h-8 items-center gap-2.5 rounded-md px-2.5 text-muted -outline-offset-2 hover:bg-hover hover:text-text data-[status=active]:bg-accent-soft data-[status=active]:font-medium data-[status=active]:text-text"
              >
                <place.icon aria-hidden className="size-4" />
                {place.title}
              </Link>
            </li>
          ))}
        </ul>
      ))}
    </nav>
  )
}

function OrganizationMenu() {
  const { org } = useSession()
  const organizations = useOrganizations()
  const navigate = useNavigate()
  const name = organizations.find((item) => item.slug === org)?.name || org
  const box = 'flex h-11 w-full items-center gap-2.5 rounded-md border border-line px-2.5 text-left'
  const content = (
    <>
      <Building2 aria-hidden className="size-4 shrink-0 text-accent" />
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm leading-4 font-medium">{name}</span>
        {name !== org && <span className="block truncate text-xs leading-4 text-muted">{org}</span>}
      </span>
    </>
  )
  if (organizations.length < 2) return <div className={box}>{content}</div>
  return (
    <Menu
      align="start"
      trigger={
        <button type="button" aria-label={`Organization ${name}: choose another`} className={cx(box, 'hover:bg-hover')}>
          {content}
          <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-muted" />
        </button>
      }
      items={organizations.map((item) => ({
        label: item.name || item.slug,
        checked: item.slug === org,
        onSelect: () => void navigate({ to: '/o/$org', params: { org: item.slug } }),
      }))}
    />
  )
}

/** Those that the pass may see; none where it may not even list its own. */
function useOrganizations() {
  const { api } = useSession()
  const query = useQuery({
    queryKey: ['organizations'],
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations', { params: { query: { limit: 100 } }, signal })),
    staleTime: 300_000,
  })
  return query.data?.items ?? []
}

function AccountMenu({ compact = false }: { compact?: boolean }) {
  const { payload } = useSession()
  const { chosen } = useTheme()
  const leave = useLeave()
  const me = useMe()
  const name = me?.user.name || me?.user.email || payload.sub
  return (
    <Menu
      trigger={
        compact ? (
          <IconButton label="Account and theme" icon={UserRound} />
        ) : (
          <button type="button" aria-label={`${name}: account and theme`} className="flex h-10 items-center gap-2.5 rounded-md px-2.5 text-left hover:bg-hover">
            <UserRound aria-hidden className="size-4 shrink-0 text-muted" />
            <span className="min-w-0 flex-1 truncate">{name}</span>
            <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-muted" />
          </button>
        )
      }
      items={[
        { label: 'Theme of the system', icon: Monitor, checked: chosen === 'system', onSelect: () => setTheme('system') },
        { label: 'Light', icon: Sun, checked: chosen === 'light', onSelect: () => setTheme('light') },
        { label: 'Dark', icon: Moon, checked: chosen === 'dark', onSelect: () => setTheme('dark') },
        'line',
        { label: 'Log out', icon: LogOut, onSelect: () => leave() },
        { label: 'Log out everywhere', icon: LogOut, danger: true, onSelect: () => leave({ everywhere: true }) },
      ]}
    />
  )
}

function FleetingNote() {
  const state = useSessionState()
  if (state.phase !== 'in' || state.lasting) return null
  return (
    <p role="note" className="border-b border-line bg-warn-soft px-4 py-2 text-center text-xs text-warn">
      This connection keeps no login: loading the page again logs you out. Use https, or localhost.
    </p>
  )
}

function useShellCommands() {
  const { org } = useSession()
  const navigate = useNavigate()
  const leave = useLeave()
  const organizations = useOrganizations()
  useCommands(
    [
      ...places.flat().map((place) => ({
        id: `go.${place.to}`,
        title: place.title,
        keywords: place.keywords,
        group: 'Go to',
        run: () => void navigate({ to: place.to, params: { org } }),
      })),
      { id: 'go.docs', title: 'API reference', keywords: 'docs openapi swagger', group: 'Go to', run: () => location.assign('/docs') },
      { id: 'go.device', title: 'Approve a device', keywords: 'daypass login command line code', group: 'Go to', run: () => void navigate({ to: '/device' }) },
      ...organizations
        .filter((item) => item.slug !== org)
        .map((item) => ({
          id: `organization.${item.slug}`,
          title: `Switch to ${item.name || item.slug}`,
          keywords: `organization ${item.slug}`,
          group: 'Organizations',
          run: () => void navigate({ to: '/o/$org', params: { org: item.slug } }),
        })),
      { id: 'theme.system', title: 'Theme of the system', keywords: 'dark light mode', group: 'Account', run: () => setTheme('system') },
      { id: 'theme.light', title: 'Light theme', keywords: 'mode', group: 'Account', run: () => setTheme('light') },
      { id: 'theme.dark', title: 'Dark theme', keywords: 'mode night', group: 'Account', run: () => setTheme('dark') },
      { id: 'leave', title: 'Log out', keywords: 'sign off exit', group: 'Account', run: () => leave() },
      { id: 'leave.everywhere', title: 'Log out everywhere', keywords: 'revoke sign off all', group: 'Account', run: () => leave({ everywhere: true }) },
    ],
    [org, organizations, navigate, leave],
  )
}
