import { fileURLToPath } from 'node:url'
import tailwind from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// The server that `vite` hands API requests to while the dashboard is worked on.
const server = process.env['DAYPASS_URL'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react(), tailwind()],
  resolve: { alias: { '@daypass/client': here('../../sdk/js/src/index.ts'), '~': here('./src') } },
  build: {
    outDir: '../dist',
    emptyOutDir: false, // it holds the .gitignore that lets Go build without it
    assetsInlineLimit: 0, // data: addresses would need a wider content security policy
    chunkSizeWarningLimit: 1700, // kB, Swagger UI's; size.mjs holds what counts, the compressed first load
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { index: here('./index.html'), docs: here('./docs.html') } },
  },
  server: { proxy: { '^/(v1|auth|oauth2|docs|openapi.yaml|\\.well-known)': server } },
})
