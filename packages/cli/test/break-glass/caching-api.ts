/** An API that is not ours: it verifies with jose, whose keys it keeps for ten minutes, and knows no deny-list. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/** @param issuer whose tokens it takes */
export async function cachingApi(issuer: string) {
  const keys = () => createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), { cooldownDuration: 0 })
  let held = keys()
  const server = createServer(async (request, response) => {
    const bearer = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
    const isGood = await jwtVerify(bearer, held, { issuer, audience: 'urn:rekey:api' }).then(
      () => true,
      () => false,
    )
    response.writeHead(isGood ? 200 : 401).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  return {
    url,
    /** Has it fetch the keys, as it does for the first token. */
    async warm(token: string) {
      const response = await fetch(`${url}/hello`, { headers: { authorization: `Bearer ${token}` } })
      if (response.status !== 200) throw new Error(`the API answers ${response.status} to a good token`)
    },
    /** What a restart does: it begins with the keys of now. */
    restart() {
      held = keys()
    },
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}
