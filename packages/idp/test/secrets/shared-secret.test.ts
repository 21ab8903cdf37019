/**
 * Whoever signs with a shared secret and those who verify by it, with nothing between them but a folder: the keyring's documents
 * one way, what each process holds the other way.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import {
  activeVersion,
  carryOut,
  changeKeyring,
  defaultPolicy,
  directoryStore,
  ensureKeyring,
  type Hands,
  holdersOf,
  makeSharedSecret,
  type Policy,
  requestRevocation,
  requestRotation,
} from '@rekey/keyring'
import { type Clock, createVerifier, sharedSecrets, type Verifier, VerifyError } from '@rekey/verifier'

const policy: Policy = { ...defaultPolicy, maxTokenTtlMs: 60_000, skewMs: 1_000 }
const name = 'api-hs256'
const [issuer, audience] = ['https://idp.example.com', 'urn:rekey:api']
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

async function openEstate(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-shared-secret-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  let nowMs = Date.UTC(2026, 0, 1)
  // Whoever verifies looks when it is told to: time is the test's.
  const clock: Clock = { wallMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} }
  const store = directoryStore(folder, () => nowMs)
  const hands: Hands = {
    store,
    make: makeSharedSecret,
    observe: async (keyring) => ({
      instances: [{ id: 'issuer', applied: keyring.revision, leaseUntil: nowMs + 5_000 }],
      verifiers: await holdersOf(folder, keyring, nowMs),
    }),
  }
  await ensureKeyring(hands, { name, kind: 'shared-secret', algorithm: 'HS256', policy })
  const load = async () => (await store.load(name)) ?? assert.fail('there is no keyring')
  const verifiers = new Map<string, Verifier>()
  const tokens: { text: string; exp: number }[] = []

  async function startVerifier(instance: string): Promise<Verifier> {
    const trust = sharedSecrets({ keyring: join(folder, name), instance, clock })
    const verifier = createVerifier({ issuer, audience, algorithms: ['HS256'], clock, trust })
    t.after(() => verifier.close())
    await verifier.start()
    verifiers.set(instance, verifier)
    return verifier
  }

  async function signToken(): Promise<string> {
    const { id, sealedPrivate = assert.fail('there is no secret') } = activeVersion(await load()) ?? assert.fail()
    const exp = (nowMs + policy.maxTokenTtlMs) / 1000
    const claims = { iss: issuer, aud: audience, iat: nowMs / 1000, exp }
    const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: id })}.${encode(claims)}`
    const text = `${input}.${createHmac('sha256', sealedPrivate).update(input).digest('base64url')}`
    tokens.push({ text, exp })
    return text
  }

  /** One more token is signed, and no process refuses any that has not expired. */
  async function noTokenIsRefused(): Promise<void> {
    await signToken()
    for (const { text } of tokens.filter(({ exp }) => exp * 1000 > nowMs)) {
      for (const verifier of verifiers.values()) assert.ok(verifier.verify(text))
    }
  }

  async function settle() {
    const { decision } = (await carryOut(name, hands)) ?? assert.fail()
    await noTokenIsRefused()
    return decision.waiting.filter(({ step }) => step === 'activate').flatMap(({ for: parties }) => parties)
  }

  const ask = (change: Parameters<typeof changeKeyring<Policy>>[2]) =>
    changeKeyring(store, name, change, { action: 'keyring.asked', actor: 'ops', details: {} })

  return {
    folder,
    verifiers,
    load,
    startVerifier,
    signToken,
    settle,
    rotate: () => ask((keyring, now) => requestRotation(keyring, { by: 'ops', forced: false }, now)),
    revoke: (id: string) => ask((keyring, now) => requestRevocation(keyring, id, { by: 'ops', reason: 'drill' }, now)),
    states: async () => (await load()).versions.map(({ state }) => state),
    pass: (ms: number) => {
      nowMs += ms
    },
    refreshAll: () => Promise.all([...verifiers.values()].map((verifier) => verifier.refresh())),
  }
}

/** Two processes that hold the newest document, in which the secret in reserve has not been seen by them yet. */
async function withNewReserve(t: TestContext) {
  const estate = await openEstate(t)
  await estate.startVerifier('api-1')
  await estate.startVerifier('api-2')
  await estate.rotate()
  assert.deepEqual(await estate.settle(), [])
  assert.deepEqual(await estate.states(), ['retiring', 'active', 'prepared'])
  return estate
}

const refused = (code: string) => (error: unknown) => error instanceof VerifyError && error.code === code

describe('a shared secret in a folder', { timeout: 60_000 }, () => {
  it('is replaced without a token being refused: held back until every process has it, and retired when it is drained', async (t) => {
    const { verifiers, rotate, settle, states, pass, refreshAll } = await withNewReserve(t)
    await rotate()
    assert.deepEqual(await settle(), ['verifier api-1', 'verifier api-2'])
    await verifiers.get('api-1')?.refresh()
    assert.deepEqual(await settle(), ['verifier api-2'])
    pass(5_000)
    await verifiers.get('api-2')?.refresh()
    assert.deepEqual(await settle(), [])
    assert.deepEqual(await states(), ['retiring', 'retiring', 'active', 'prepared'])
    for (let seconds = 0; seconds < 60; seconds += 5) {
      await refreshAll()
      await settle()
      assert.ok((await states()).includes('retiring'))
      pass(5_000)
    }
    pass(1_000)
    await refreshAll()
    await settle()
    assert.deepEqual(await states(), ['retired', 'retired', 'active', 'prepared'])
    await refreshAll()
    await settle()
    assert.equal(verifiers.get('api-1')?.trust.kids.length, 2)
  })

  it('does not wait for a process that said goodbye, nor for ever for one that is gone without a word', async (t) => {
    const { verifiers, folder, rotate, settle, states, pass } = await withNewReserve(t)
    await verifiers.get('api-1')?.close()
    assert.deepEqual(await readdir(join(folder, name, 'holders')), ['api-2.json'])
    verifiers.clear()
    await rotate()
    assert.deepEqual(await settle(), ['verifier api-2'])
    pass(15_999)
    assert.deepEqual(await settle(), ['verifier api-2'])
    pass(1)
    assert.deepEqual(await settle(), [])
    assert.deepEqual(await states(), ['retiring', 'retiring', 'active', 'prepared'])
  })

  it('counts a process from its start: what is prepared afterwards waits for that one too', async (t) => {
    const { startVerifier, rotate, settle } = await withNewReserve(t)
    await startVerifier('api-3')
    await rotate()
    assert.deepEqual(await settle(), ['verifier api-1', 'verifier api-2'])
  })

  it('is refused by every process that has heard of its revocation, and the one in reserve takes over first', async (t) => {
    const { verifiers, load, revoke, signToken, settle, refreshAll } = await withNewReserve(t)
    await refreshAll()
    const stolen = activeVersion(await load()) ?? assert.fail()
    const token = await signToken()
    await revoke(stolen.id)
    const [verifier] = verifiers.values()
    // From here on a token is refused: the stolen secret's.
    verifiers.clear()
    await settle()
    const document = await load()
    assert.equal(document.versions.find(({ id }) => id === stolen.id)?.state, 'revoked')
    assert.equal(document.versions.find(({ id }) => id === stolen.id)?.sealedPrivate, undefined)
    await verifier?.refresh()
    assert.throws(() => verifier?.verify(token), refused('key_revoked'))
    assert.ok(verifier?.verify(await signToken()))
  })
})
