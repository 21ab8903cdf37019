/** The API under load: a guard, the internal endpoints, and one route. Its issuer and its secret come as arguments. */
import { createServer } from 'node:http'
import { createVerifier, jwksPolling, nodeGuard, nodeInternal } from '@rekey/verifier'
import { announce, portOf } from '../token/announce.ts'

const [, , issuer = '', secret = ''] = process.argv
const trust = jwksPolling({ jwksUri: `${issuer}/jwks.json` })
const verifier = createVerifier({ issuer, audience: 'urn:bench', algorithms: ['ES256'], trust })
await verifier.start()
const internal = nodeInternal(verifier, { token: secret })
const hello = nodeGuard(verifier, (request, response) => response.end(request.token.payload.sub))
const server = createServer(async (request, response) => {
  if (!(await internal(request, response))) await hello(request, response)
})
server.listen(0, '127.0.0.1', () => announce({ url: `http://127.0.0.1:${portOf(server)}` }))
