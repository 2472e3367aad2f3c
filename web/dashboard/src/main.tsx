import './style.css'
import { CSPProvider } from '@base-ui/react/csp-provider'
import { Tooltip } from '@base-ui/react/tooltip'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Toaster } from './parts/toast'
import { router } from './router'
import { session } from './session'
import { forgetAnswers } from './session/forget'
import { Problem } from './session/problem'
import { startTheme } from './theme'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the server refused it refuses again; only silence and its own trouble pass.
      retry: (count, error) => count < 2 && [0, 502, 503, 504].includes(Problem.of(error).status),
    },
  },
})

startTheme()

// Somebody may have logged in in another tab meanwhile: then this one need not be logged in again.
document.addEventListener('visibilitychange', async () => {
  if (document.hidden || session.state.phase !== 'out') return
  await session.restore()
  if (router.state.location.pathname === '/login') await router.invalidate()
})

// When the session ends while somebody works, the login page leads back to where they were.
session.subscribe(() => {
  if (session.state.phase !== 'out') return
  const { pathname, href } = router.state.location
  if (!/^\/(o\/|device)/.test(pathname)) return
  void router.navigate({ to: '/login', search: { to: href } }).then(() => forgetAnswers(queries)) // not before: what is still shown would be asked for again
})

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <Tooltip.Provider delay={400}>
          <RouterProvider router={router} />
          <Toaster />
        </Tooltip.Provider>
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
)
