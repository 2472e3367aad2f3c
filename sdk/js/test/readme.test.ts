// Every block of the README is a program that can be read and whose imports exist; Node's is run.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'
import * as client from '../src/index.js'
import { server, withServer } from './world.js'

const folder = fileURLToPath(new URL('..', import.meta.url))
const blocks = [...readFileSync(`${folder}README.md`, 'utf8').matchAll(/```(jsx?)\n([^]*?)```/g)].map(([, kind, text = '']) => ({ kind, text }))

test.each(blocks)('$text', ({ kind, text }) => {
  const { diagnostics } = ts.transpileModule(text, { reportDiagnostics: true, fileName: `readme.${kind}`, compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext, jsx: ts.JsxEmit.Preserve, allowJs: true } })
  expect(diagnostics?.map(({ messageText }) => messageText)).toEqual([])
  const names = /import \{ ([^}]*) \} from '@daypass\/client'/.exec(text)?.[1]?.split(', ') ?? []
  expect(names.length).toBeGreaterThan(0)
  expect(Object.keys(client)).toEqual(expect.arrayContaining(names))
})

withServer('README', () => {
  test('the program for Node runs', () => {
    const program = `${folder}readme.tmp.mjs`
    try {
      writeFileSync(program, blocks.find(({ text }) => text.includes('process.env.DAYPASS_KEY'))!.text)
      const { stdout, stderr, status } = spawnSync(process.execPath, ['--no-warnings', program], { env: { PATH: process.env.PATH, DAYPASS_URL: server.api, DAYPASS_KEY: server.key }, timeout: 10_000, encoding: 'utf8' })
      expect([status, stderr]).toEqual([0, ''])
      expect(Number(stdout)).toBeGreaterThan(0)
    } finally {
      rmSync(program, { force: true })
    }
  }, 30_000)
})
