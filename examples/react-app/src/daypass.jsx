import { Daypass } from '@daypass/client'
import { createContext, useContext, useEffect, useState } from 'react'

const Context = createContext(null)

/** Gives the app below it a Daypass, and whether somebody is logged in. */
export function DaypassProvider({ children, ...options }) {
  const [session, setSession] = useState(null)
  useEffect(() => {
    const daypass = new Daypass({
      ...options,
      setToken: (token, claims) => setSession((last) => ({ ...last, subject: token ? claims.sub : undefined, reason: undefined })),
      onLoginRequired: ({ detail }) => setSession((last) => ({ ...last, reason: detail })),
    })
    setSession({ daypass })
    return () => daypass.close()
  }, [options.url])
  return session && <Context value={session}>{children}</Context>
}

/** `{daypass, subject, reason}`: who is logged in, or why nobody is. */
export const useDaypass = () => useContext(Context)

/** What an address answers, for whoever is logged in. */
export function useFetched(address) {
  const { daypass, subject } = useDaypass()
  const [answer, setAnswer] = useState({})
  useEffect(() => {
    const gone = new AbortController()
    daypass
      .fetch(address, { signal: gone.signal })
      .then(async (response) => setAnswer({ status: response.status, text: await response.text() }))
      .catch((error) => gone.signal.aborted || setAnswer({ error }))
    return () => gone.abort()
  }, [daypass, subject, address])
  return answer
}
