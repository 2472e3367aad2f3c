import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useCallback } from 'react'
import { toast } from '~/parts/toast'
import { session } from '~/session'
import { forgetAnswers } from '~/session/forget'

/** Logs out, here or everywhere, and goes to the login page; from there `to`, where it is given. */
export function useLeave(): (options?: { everywhere?: boolean; to?: string }) => void {
  const navigate = useNavigate()
  const queries = useQueryClient()
  return useCallback(
    ({ everywhere, to } = {}) => {
      session
        .leave({ everywhere })
        .then(() => navigate({ to: '/login', search: { to } }))
        .then(() => forgetAnswers(queries))
        .catch(toast.fail)
    },
    [navigate, queries],
  )
}
