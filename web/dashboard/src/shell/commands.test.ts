import { expect, test } from 'vitest'
import { addCommands, type Command, registeredCommands, search } from './commands'

const command = (title: string, keywords = '', group?: string): Command => ({ id: title, title, keywords, run: () => {}, ...(group && { group }) })
const titles = (list: readonly Command[]) => list.map((item) => item.title)

const commands = [
  command('Overview', 'home start', 'Go to'),
  command('Keys', 'secret rotate', 'Go to'),
  command('Create a key', 'new'),
  command('Roll the key', 'rotate'),
  command('Monkey patch'),
  command('Dark theme', 'mode night', 'Account'),
]

test.each([
  ['', titles(commands)],
  ['key', ['Keys', 'Create a key', 'Roll the key', 'Monkey patch']], // begins with it, a word does, somewhere within
  ['KEY new', ['Create a key']], // all words, in any order and case
  ['rotate', ['Keys', 'Roll the key']],
  ['account', ['Dark theme']],
  ['go to', ['Overview', 'Keys']],
  ['zebra', []],
])('%j finds %j', (typed, found) => expect(titles(search(commands, typed))).toEqual(found))

test('commands are offered only while their page is there', () => {
  const leaveShell = addCommands([command('Overview')])
  const leavePage = addCommands([command('Create a key')])
  expect(titles(registeredCommands())).toEqual(['Overview', 'Create a key'])
  leavePage()
  expect(titles(registeredCommands())).toEqual(['Overview'])
  leaveShell()
  expect(registeredCommands()).toEqual([])
})
