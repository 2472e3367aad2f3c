import { expect, it } from 'vitest'
import { read } from '../application/file'
import { starter } from './starter'

it.each([
  [{ name: 'photos', host: 'photos.example.com', upstream: 'http://127.0.0.1:9000', open: true }, 3],
  [{ name: '7', host: '', upstream: '', open: false }, 2],
  [{ name: 'true', host: '*.example.com', upstream: '', open: false }, 2],
])('makes a file without mistakes of %j', (wish, rules) => {
  const made = read(starter(wish))
  expect(made.rules).toHaveLength(rules)
  // A name such as true must stay text.
  expect(made.marks).toEqual([])
})
