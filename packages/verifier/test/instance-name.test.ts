import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { describe, it } from 'node:test'
import { createVerifier, jwksPolling, severalIssuers, trustFeed } from '../src/index.ts'
import { instanceName } from '../src/instance-name.ts'
import { AUDIENCE, ISSUER } from './support/keys.ts'

const polled = () => {
  const trust = jwksPolling({ jwksUri: `${ISSUER}/jwks.json` })
  return createVerifier({ issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], trust })
}

describe('the name by which a verifier says who answered', () => {
  it('begins with the host, and is not the same twice', () => {
    const [one, other] = [polled(), polled()]
    assert.notEqual(one.instance, other.instance)
    const host = hostname().replace(/[^A-Za-z0-9-]+/g, '-')
    assert.ok(one.instance.startsWith(host.slice(0, 60)), one.instance)
    assert.match(instanceName(), /^[A-Za-z0-9-]{1,69}$/)
  })

  it('is the one that the issuer knows where there is a feed', () => {
    const options = { issuer: ISSUER, clientId: 'c', clientSecret: 's', onLeaseLost: 'fail-closed' as const }
    const trust = trustFeed({ ...options, instance: 'api-7' })
    const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], trust })
    assert.equal(verifier.instance, 'api-7')
    assert.match(trustFeed(options).instance ?? '', /^[0-9a-f-]{36}$/)
  })

  it('is one for all issuers behind one door', () => {
    assert.notEqual(severalIssuers([polled()]).instance, severalIssuers([polled()]).instance)
  })
})
