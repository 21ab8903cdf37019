import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createVerifier, denyList, jwksPolling } from '../../src/index.ts'
import { HandClock } from './clock.ts'
import { emptyFolder } from './folder.ts'
import { JwksServer } from './jwks-server.ts'
import { AUDIENCE, ISSUER, NOW_MS, type SigningKey } from './keys.ts'

/** A verifier on a JWKS of the test's, with a deny-list that outlives it. */
export async function makeSteered(test: TestContext, ...keys: SigningKey[]) {
  const clock = new HandClock(NOW_MS)
  const jwks = await JwksServer.listen()
  const stateFile = join(await emptyFolder(test), 'denied')
  jwks.serve({ keys: keys.map(({ jwk }) => jwk) })
  const verifier = createVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: ['ES256'],
    clock,
    trust: jwksPolling({ jwksUri: jwks.url, clock }),
    denyList: denyList({ stateFile, clock }),
  })
  test.after(async () => {
    await verifier.close()
    await jwks.close()
  })
  await verifier.start()
  return { clock, jwks, stateFile, verifier }
}
