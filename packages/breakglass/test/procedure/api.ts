import type { RequestListener } from 'node:http'
import type { TestContext } from 'node:test'
import { createVerifier, jwksPolling, nodeGuard, nodeInternal } from '@rekey/verifier'
import { AUDIENCE, SECRET } from '../instances/estate.ts'

/** An API whose verifier polls; without `internal` no operator can make it look. */
export async function pollingApi(t: TestContext, issuer: string, internal: boolean): Promise<RequestListener> {
  const trust = jwksPolling({ jwksUri: `${issuer}/jwks.json` })
  const verifier = createVerifier({ issuer, audience: AUDIENCE, algorithms: ['ES256'], trust })
  t.after(() => verifier.close())
  await verifier.start()
  const endpoints = nodeInternal(verifier, internal ? { token: SECRET } : { env: {} })
  const hello = nodeGuard(verifier, (_request, response) => response.end('hello'))
  return async (request, response) => {
    if (!(await endpoints(request, response))) await hello(request, response)
  }
}
