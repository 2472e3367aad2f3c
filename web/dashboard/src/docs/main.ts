import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import 'swagger-ui-dist/swagger-ui.css'
import './docs.css'
import { remembered } from '../remembered'
import { mend } from './mend'
import { carrying, passOf } from './pass'

const pass = passOf(fetch.bind(globalThis), Date.now)

const dark = matchMedia('(prefers-color-scheme: dark)')
function paint(): void {
  const chosen = remembered()
  document.documentElement.classList.toggle('dark-mode', chosen === 'dark' || (chosen === 'system' && dark.matches))
}
dark.addEventListener('change', paint)
paint()

/** The document names the server of a first start; the one that is meant is this. */
const here = () => ({
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (update: (spec: object) => unknown) => (spec: object) => update({ ...spec, servers: [{ url: location.origin }] }),
      },
    },
  },
})

type System = { React: { createElement: (tag: string, props: null, text: string) => unknown } }

/** The name of an operation is in a button that opens it; a link in there is one too many for the keyboard. The address follows what is open all the same. */
const plain = () => ({
  wrapComponents: {
    DeepLink: (_: unknown, system: System) => ({ text }: { text: string }) => system.React.createElement('span', null, text),
  },
})

const reference = document.querySelector('#reference')
if (reference) {
  mend(reference)
  SwaggerUI({
    url: '/openapi.yaml',
    domNode: reference,
    deepLinking: true,
    docExpansion: 'list',
    filter: true,
    validatorUrl: null, // it would show the document to a server elsewhere
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    requestSnippetsEnabled: true,
    plugins: [here, plain],
    requestInterceptor: async (request) => carrying(request, location.origin, (await pass())?.token, fetch),
  })
}

const who = document.querySelector('#who')
if (who) {
  const kept = await pass()
  who.textContent = kept ? `Requests are sent with your pass for ${kept.payload.org}.` : 'Log in to the dashboard to send requests with your pass.'
}
