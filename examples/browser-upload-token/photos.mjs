// The service that is protected. It trusts X-Daypass-Subject, so it is reachable through Daypass only.
import { createServer } from 'node:http'

const cors = {
  'access-control-allow-origin': process.env.PAGE ?? 'http://localhost:3000',
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-allow-methods': 'POST',
}

createServer(async (request, response) => {
  let bytes = 0
  for await (const part of request) bytes += part.length
  if (request.method === 'OPTIONS') return response.writeHead(204, cors).end()
  console.log(`${bytes} bytes for ${request.headers['x-daypass-subject']}`)
  response.writeHead(201, { ...cors, 'content-type': 'application/json' }).end(JSON.stringify({ bytes }))
}).listen(Number(process.env.PHOTOS_PORT ?? 9000), '127.0.0.1')
