import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useCallback } from 'react'
import { toast } from '~/parts/toast'
import { session } from '~/session'
import { forgetAnswers } from '~/session/forget'

/** Logs out, here or everywhere, and goes to the login page. */
export function useLeave(): (options?: { everywhere?: boolean }) => void {
  const navigate = useNavigate()
  const queries = useQueryClient()
  return useCallback(
    (options) => {
      session
        .leave(options)
        .then(() => navigate({ to: '/login' }))
        .then(() => forgetAnswers(queries))
        .catch(toast.fail)
    },
    [navigate, queries],
  )
}
