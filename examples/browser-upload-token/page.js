import { Daypass } from '@daypass/client'

const ask = async () => (await fetch('/pass', { method: 'POST' })).json()
const { gateway } = await ask()
const daypass = new Daypass({ url: gateway }).withUserAuth(ask) // asked again before a pass ends

document.querySelector('#photo').addEventListener('change', async ({ target }) => {
  const answer = await daypass.fetch(`${gateway}/photos`, { method: 'POST', body: target.files[0] })
  document.querySelector('#said').textContent = answer.ok ? `${(await answer.json()).bytes} bytes are up` : `refused: ${answer.status}`
})
