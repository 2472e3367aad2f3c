import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/server.ts',
    // Node 20 has a WebSocket behind this flag; browsers and later ones have it anyway.
    execArgv: ['--experimental-websocket', '--no-warnings'],
    testTimeout: 15_000,
  },
})
