import { expect, it } from 'vitest'
import { idOf } from './id-input'

it('finds who is meant, and nobody where it could be two', () => {
  const choices = new Map([['usr_1', 'Web shop'], ['usr_2', 'Photo backend'], ['usr_3', 'Web'], ['usr_4', 'Photo page']])
  expect(idOf('web', choices)).toBe('usr_3')
  expect(idOf('back', choices)).toBe('usr_2')
  expect(idOf('Photo', choices)).toBe('Photo')
  expect(idOf('usr_9', choices)).toBe('usr_9')
  expect(idOf('', choices)).toBe('')
})
