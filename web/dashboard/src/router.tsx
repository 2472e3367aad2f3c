import { createRootRoute, createRoute, createRouter, lazyRouteComponent, notFound, Outlet, redirect } from '@tanstack/react-router'
import type { ComponentType } from 'react'
import { session } from './session'
import { destination, named } from './session/destination'
import { Problem } from './session/problem'
import { PageFailed, PageMissing, PagePending } from './shell/failed'
import { Palette } from './shell/palette'
import { Shell } from './shell/shell'

// Each page is a folder of src/pages whose index.tsx exports its component as default,
// and is loaded when it is first gone to.

const root = createRootRoute({
  component: () => (
    <>
      <Outlet />
      <Palette />
    </>
  ),
  notFoundComponent: () => (
    <main className="mx-auto max-w-md px-4 py-16">
      <PageMissing />
    </main>
  ),
})

/** Names out of the address go into programs that people copy, and whoever made a link chose them. */
function needsName(name: string): void {
  if (!named(name)) throw notFound()
}

async function needsLogin({ location }: { location: { href: string } }): Promise<void> {
  await session.start()
  if (session.state.phase !== 'in') throw redirect({ to: '/login', search: { to: location.href } })
}

/** A page that is fetched when it is first gone to. Where that fails, the shell stays and says so: the router itself would reload, and without a network lose everything. */
function page<M extends { default: ComponentType }>(load: () => Promise<M>) {
  return lazyRouteComponent(async () => {
    try {
      return await load()
    } catch (error) {
      throw new Problem(0, { code: 'unreachable', title: 'No answer', detail: 'This page could not be fetched: the server cannot be reached, or has a newer version. Reload to try again.' }, { cause: error })
    }
  })
}

const index = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: async () => {
    await session.start()
    const { state } = session
    if (state.phase === 'in') throw redirect({ to: '/o/$org', params: { org: state.payload.org }, replace: true })
    throw redirect({ to: '/login', replace: true })
  },
})

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search): { to?: string; error?: string; organization?: string } => {
    const to = destination(search['to'])
    const { error, organization } = search // a code and a slug; whatever else a link may bring is not shown
    return {
      ...(to && { to }),
      ...(typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) && { error }),
      ...(typeof organization === 'string' && /^[a-z0-9-]{1,63}$/.test(organization) && { organization }),
    }
  },
  beforeLoad: async ({ search }) => {
    await session.start()
    if (session.state.phase === 'in') throw redirect({ href: search.to ?? '/', replace: true })
  },
  component: page(() => import('./pages/login')),
})

const setup = createRoute({ getParentRoute: () => root, path: '/setup', component: page(() => import('./pages/setup')) })

const device = createRoute({
  getParentRoute: () => root,
  path: '/device',
  validateSearch: (search): { user_code?: string } => (search['user_code'] === undefined ? {} : { user_code: String(search['user_code']) }),
  beforeLoad: needsLogin,
  component: page(() => import('./pages/device')),
})

const organization = createRoute({
  getParentRoute: () => root,
  path: '/o/$org',
  beforeLoad: (at) => {
    needsName(at.params.org)
    return needsLogin(at)
  },
  component: Shell,
})

const inside = () => organization
const tree = root.addChildren([
  index,
  login,
  setup,
  device,
  organization.addChildren([
    createRoute({ getParentRoute: inside, path: '/', component: page(() => import('./pages/overview')) }),
    createRoute({ getParentRoute: inside, path: 'members', component: page(() => import('./pages/members')) }),
    createRoute({ getParentRoute: inside, path: 'keys', component: page(() => import('./pages/keys')) }),
    createRoute({ getParentRoute: inside, path: 'tokens', component: page(() => import('./pages/tokens')) }),
    createRoute({ getParentRoute: inside, path: 'debugger', component: page(() => import('./pages/debugger')) }),
    createRoute({ getParentRoute: inside, path: 'applications', component: page(() => import('./pages/applications')) }),
    createRoute({ getParentRoute: inside, path: 'applications/$app', beforeLoad: ({ params }) => needsName(params.app), component: page(() => import('./pages/application')) }),
    createRoute({ getParentRoute: inside, path: 'audit', component: page(() => import('./pages/audit')) }),
    createRoute({ getParentRoute: inside, path: 'usage', component: page(() => import('./pages/usage')) }),
    createRoute({ getParentRoute: inside, path: 'settings', component: page(() => import('./pages/settings')) }),
    createRoute({ getParentRoute: inside, path: '$', component: PageMissing }),
  ]),
  // What pages are made of, to look at while one writes them; no build for users has it.
  ...(import.meta.env.DEV ? [createRoute({ getParentRoute: () => root, path: '/parts', component: page(() => import('./pages/parts')) })] : []),
])

export const router = createRouter({
  routeTree: tree,
  defaultPreload: 'intent',
  defaultPendingComponent: PagePending,
  defaultPendingMs: 200,
  defaultErrorComponent: PageFailed,
  defaultNotFoundComponent: PageMissing,
  scrollRestoration: false,
  // All that stands in an address is text, so it stands there as it is.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const text = new URLSearchParams(Object.entries(search).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))).toString()
    return text && `?${text}`
  },
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
