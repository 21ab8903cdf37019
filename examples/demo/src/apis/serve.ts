/** The process of one of the four APIs: told by its environment which, it says its address when it can serve. */
import { apiKinds } from './kinds.ts'
import { buildServer } from './server.ts'

const closeWithinMs = 1_000

// A parent that goes while this starts must not leave it behind.
process.once('disconnect', () => process.exit(1))

const { DEMO_API, DEMO_ISSUER = '', DEMO_IDPS = '', DEMO_AUDIENCE = '', DEMO_JWKS_URI = '' } = process.env
const kind = apiKinds.find(({ name }) => name === DEMO_API)
if (!kind) throw new Error(`DEMO_API "${DEMO_API}" is none of ${apiKinds.map(({ name }) => name).join(', ')}`)

const trust = {
  clientId: process.env.DEMO_TRUST_CLIENT_ID ?? '',
  clientSecret: process.env.DEMO_TRUST_CLIENT_SECRET ?? '',
}
const checker = await kind.make({
  issuer: DEMO_ISSUER,
  idps: DEMO_IDPS.split(','),
  audience: DEMO_AUDIENCE,
  jwksUri: DEMO_JWKS_URI,
  trust,
})
const server = buildServer(checker.check)
const url = await server.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ type: 'ready', url })

process.once('SIGTERM', async () => {
  // An issuer that does not answer the goodbye must not keep us.
  setTimeout(() => process.exit(0), closeWithinMs).unref()
  await server.close()
  await checker.close()
  process.exit(0)
})
