// Builds the package, and the real server, which it starts for the tests that need it.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

export type Server = { api: string; gateway: string; key: string; issuer: string }

declare module 'vitest' {
  export interface ProvidedContext {
    server: Server | undefined
  }
}

const root = fileURLToPath(new URL('../../..', import.meta.url))
const issuer = 'https://pass.example.com'

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  project.provide('server', undefined)
  // Examples and the README import the package as it is published.
  execFileSync('npm', ['run', 'build', '--silent'], { cwd: join(root, 'sdk/js'), timeout: 120_000, stdio: 'inherit' })
  const folder = mkdtempSync(join(tmpdir(), 'daypass-sdk-'))
  const binary = join(folder, 'daypass')
  try {
    // With the flags of the Makefile: what 'make build' compiled is not compiled again.
    execFileSync('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', binary, './cmd/daypass'], { cwd: root, env: { ...process.env, CGO_ENABLED: '0' }, timeout: 300_000, stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    rmSync(folder, { recursive: true })
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    console.warn('without Go the tests against the real server are left out')
    return undefined
  }
  const ready = join(folder, 'ready.json')
  const any = '127.0.0.1:0'
  const flags = ['--listen', any, '--gateway', any, '--ops', any, '--ready-file', ready, '--public-url', issuer, '--dpop-nonce', 'required', '--keys-per-user', '100']
  const child = spawn(binary, ['serve', '--dev', '--log-level', 'error', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  const stop = async () => {
    const ended = new Promise((done) => child.once('exit', done))
    if (child.exitCode === null && child.kill()) await ended
    rmSync(folder, { recursive: true, force: true })
  }
  let key = ''
  child.stdout.on('data', (text: Buffer) => (key += text.toString()))
  for (const until = Date.now() + 20_000; !existsSync(ready) || !key.endsWith('\n'); await new Promise((done) => setTimeout(done, 50))) {
    if (Date.now() < until && child.exitCode === null) continue
    await stop()
    throw new Error('daypass serve did not begin to answer')
  }
  const { listen, gateway } = JSON.parse(readFileSync(ready, 'utf8')) as { listen: string; gateway: string }
  project.provide('server', { api: `http://${listen}`, gateway: `http://${gateway}`, key: key.trim(), issuer })
  return stop
}
