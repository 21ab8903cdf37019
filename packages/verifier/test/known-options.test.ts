import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  createVerifier,
  expressGuard,
  expressInternal,
  fastifyGuard,
  fastifyInternal,
  fetchGuard,
  fetchInternal,
  honoGuard,
  honoInternal,
  jwksPolling,
  logTrust,
  nodeGuard,
  nodeInternal,
  requestGuard,
  severalIssuers,
  tokenBinding,
  verifierFromEnvironment,
} from '../src/index.ts'
import { assertKnown } from '../src/known-options.ts'
import { AUDIENCE, ISSUER } from './support/keys.ts'

// As whoever writes JavaScript can call them.
// biome-ignore lint/suspicious/noExplicitAny: what the types refuse is what is tested
type Untyped = (...given: any[]) => unknown

const trust = () => jwksPolling({ jwksUri: 'https://idp.example.com/jwks.json' })
const given = () => ({ issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], trust: trust() })
const verifier = createVerifier(given())
const handler = () => undefined

const GUARDS: Readonly<Record<string, Untyped>> = {
  requestGuard,
  expressGuard,
  fastifyGuard,
  fetchGuard,
  honoGuard,
  nodeGuard: (one, options) => (nodeGuard as Untyped)(one, handler, options),
}
const INTERNALS: Readonly<Record<string, Untyped>> = {
  expressInternal,
  fastifyInternal,
  fetchInternal,
  honoInternal,
  nodeInternal,
}

describe('options that there are not', () => {
  it('are refused by every guard, since without its scopes it would let everybody in', () => {
    for (const [name, guard] of Object.entries(GUARDS)) {
      assert.ok(guard(verifier, { scopes: ['admin'] }), name)
      assert.throws(
        () => guard(verifier, { scopes: ['a'], role: ['root'] }),
        /^TypeError: a guard has no option 'role'$/,
      )
      assert.throws(() => guard(verifier, { scope: 'a' }), /no option 'scope'/)
      for (const options of [null, 'admin', ['admin']]) assert.throws(() => guard(verifier, options), TypeError)
    }
  })

  it('are refused by the internal endpoints', () => {
    for (const [name, internal] of Object.entries(INTERNALS)) {
      assert.ok(internal(verifier, { env: {} }), name)
      assert.throws(() => internal(verifier, { env: {}, tokens: 'x' }), /no option 'tokens'/)
      assert.throws(() => internal(verifier, { env: {}, onAction: 'log' }), /onAction must be a function/)
    }
  })

  it('are refused by a verifier, also where the environment says the rest', () => {
    const env = { REKEY_JWT_JWKS_URL: 'https://idp.example.com/jwks.json' }
    for (const make of [createVerifier as Untyped, (options: object) => verifierFromEnvironment(env, options)]) {
      assert.ok(make(given()))
      assert.throws(
        () => make({ ...given(), clockTolerance: 5 }),
        /^TypeError: a verifier has no option 'clockTolerance'$/,
      )
    }
    const cache = { verdictCache: { maxEntries: 1, max: 2 } }
    assert.throws(() => createVerifier({ ...given(), ...cache }), /verdictCache has no option 'max'/)
  })

  it('are refused by a token binding, in all its depth', () => {
    const wrong: [object, RegExp][] = [
      [{ requireBinding: 'dpop' }, /a token binding has no option 'requireBinding'/],
      [{ dpop: { maxAge: 5 } }, /dpop has no option 'maxAge'/],
      [{ dpop: { nonces: { secret: 'x' } } }, /dpop.nonces has no option 'secret'/],
    ]
    for (const [options, expected] of wrong) {
      assert.throws(() => tokenBinding(options), expected)
      assert.throws(() => requestGuard(verifier, { binding: options }), expected)
    }
  })

  it('are not taken for known because every object has such a member', () => {
    assert.throws(() => assertKnown('it', { constructor: 1 }, {} as never), /'constructor'/)
    assert.doesNotThrow(() => assertKnown<{ a?: 1 }>('it', Object.create({ inherited: true }), { a: true }))
  })
})

describe('what cannot be left out', () => {
  it('is missed at once, and not when the first request comes', () => {
    for (const make of [...Object.values(GUARDS), ...Object.values(INTERNALS)]) {
      for (const missing of [undefined, null, {}]) assert.throws(() => make(missing), /needs? a verifier/)
    }
    assert.throws(() => (nodeGuard as Untyped)(verifier, { scopes: ['a'] }), /needs the handler/)
    assert.throws(() => (logTrust as Untyped)(verifier), /needs a logger/)
    assert.throws(() => (logTrust as Untyped)(verifier, { info: handler }), /needs a logger/)
    for (const nobody of [undefined, [], {}]) assert.throws(() => (logTrust as Untyped)(nobody, console), /a verifier/)
    for (const nobody of [undefined, verifier, [undefined]]) {
      assert.throws(() => (severalIssuers as Untyped)(nobody), /needs a list of verifiers/)
    }
    for (const nothing of [undefined, null, []]) assert.throws(() => (createVerifier as Untyped)(nothing), TypeError)
    assert.throws(() => (verifierFromEnvironment as Untyped)(), /environment is required/)
  })
})
