/** What a service authenticates by with its key. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { importPKCS8, SignJWT } from 'jose'
import { systemClock } from '../../src/clock.ts'

/**
 * Whether a key lets a client in (RFC 7523). One that may not have a token in this way is told so, which it is only once it is known.
 */
export async function isLetIn(idp: string, clientId: string, kid: string, pem: string): Promise<boolean> {
  const now = Math.floor(systemClock() / 1000)
  const assertion = await new SignJWT({
    iss: clientId,
    sub: clientId,
    aud: idp,
    jti: randomUUID(),
    iat: now,
    exp: now + 60,
  })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(await importPKCS8(pem, 'RS256'))
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  })
  const reply = await fetch(`${idp}/api/oidc/token`, { method: 'POST', body })
  const { error } = (await reply.json()) as { error?: string }
  assert.match(`${reply.status} ${error}`, /^(200 undefined|400 unauthorized_client|401 invalid_client)$/)
  return reply.status !== 401
}
