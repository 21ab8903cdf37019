import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { auditReader } from '../../audit/reading.ts'
import { type Estate, eventually, startEstate, type TestInstance } from '../../estate.ts'
import { type Host, jsonOf, startHost } from '../../outbound/host.ts'
import { type ClientPair, jwkOf, newPair } from '../../tokens/authentication/signer.ts'
import { addClient, age, publishing, status } from './setting.ts'

/** Longer than any test: what has to wait for its end is made older by hand. */
const cooldownSeconds = 600

describe('the keys at a jwks_uri', { timeout: 300_000 }, () => {
  let estate: Estate
  let host: Host
  let idp: TestInstance
  let other: TestInstance
  let clientId: string
  let first: ClientPair
  let second: ClientPair

  before(async () => {
    host = await startHost()
    const environment = { REKEY_OUTBOUND_ALLOW: host.name, REKEY_JWKS_URI_COOLDOWN: `${cooldownSeconds}s` }
    estate = await startEstate({ ...environment, REKEY_FAILED_AUTHENTICATION_LIMIT: '100000/1m' })
    idp = await estate.instance()
    other = await estate.instance()
  })
  after(async () => {
    await host.close()
    await estate.stop()
  })

  let before_: number
  const looks = () => host.requests() - before_
  beforeEach(async () => {
    clientId = randomUUID()
    first = newPair('first')
    second = newPair('second')
    host.set(publishing([first]))
    await addClient(estate, clientId, host.url)
    before_ = host.requests()
  })
  afterEach(() => host.set(jsonOf({})))

  const metric = async (outcome: string) => {
    const { body } = await idp.call('/metrics')
    return Number(new RegExp(`rekey_jwks_uri_fetches_total{outcome="${outcome}"} (\\d+)`).exec(body)?.[1] ?? 0)
  }

  test('are fetched when the client first authenticates, and then known everywhere', async () => {
    const fetches = await metric('changed')
    assert.equal(await status(idp, clientId, first), 200)
    assert.equal(await status(idp, clientId, first), 200)
    assert.equal(await status(other, clientId, first), 200)
    assert.equal(looks(), 1)
    assert.equal(await metric('changed'), fetches + 1)
  })

  test('are fetched again for a key that was published a moment ago, although somebody just looked', async () => {
    assert.equal(await status(idp, clientId, first), 200)
    host.set(publishing([first, second]))
    assert.equal(await status(other, clientId, second), 200)
    assert.equal(await status(idp, clientId, second), 200)
    assert.equal(await status(idp, clientId, first), 200)
    assert.equal(looks(), 2)
  })

  test('change no more often within the cool-down: a third key waits for its end', async () => {
    assert.equal(await status(idp, clientId, first), 200)
    host.set(publishing([first, second]))
    assert.equal(await status(idp, clientId, second), 200)
    const third = newPair('third')
    host.set(publishing([third]))
    assert.equal(await status(idp, clientId, third), 401)
    await age(estate, clientId, cooldownSeconds, idp, other)
    assert.equal(await status(idp, clientId, third), 200)
    assert.equal(looks(), 3)
  })

  test('are not believed when they are withdrawn and the set is stale, at any instance', async () => {
    host.set(publishing([first, second]))
    for (const instance of [idp, other]) assert.equal(await status(instance, clientId, first), 200)
    host.set(publishing([second]))
    for (const instance of [idp, other]) assert.equal(await status(instance, clientId, first), 200)
    await age(estate, clientId, 61, idp, other)
    assert.equal(await status(idp, clientId, first), 401)
    assert.equal(await status(other, clientId, first), 401)
    assert.equal(await status(other, clientId, second), 200)
  })

  const lifetimes: [string, number][] = [
    ['max-age=1', 60],
    ['public, max-age=200', 200],
    ['max-age=86400', 300],
    ['no-store, max-age=200', 60],
  ]
  for (const [cacheControl, freshFor] of lifetimes) {
    test(`are fresh for ${freshFor} seconds by Cache-Control: ${cacheControl}`, async () => {
      host.set(publishing([first], { 'cache-control': cacheControl }))
      assert.equal(await status(idp, clientId, first), 200)
      await age(estate, clientId, freshFor / 2, idp)
      assert.equal(await status(idp, clientId, first), 200)
      assert.equal(looks(), 1)
      await age(estate, clientId, freshFor / 2, idp)
      assert.equal(await status(idp, clientId, first), 200)
      assert.equal(looks(), 2)
    })
  }

  test('that are held are believed for an hour while the uri is down, and no longer', async () => {
    assert.equal(await status(idp, clientId, first), 200)
    host.set((response) => response.destroy())
    await age(estate, clientId, 3_300, idp, other)
    const failures = await metric('failed')
    assert.equal(await status(idp, clientId, first), 200)
    assert.equal(await metric('failed'), failures + 1)
    await age(estate, clientId, 400, idp, other)
    assert.equal(await status(idp, clientId, first), 401)
    assert.equal(await status(other, clientId, first), 401)
    host.set(publishing([first]))
    await age(estate, clientId, cooldownSeconds, idp, other)
    assert.equal(await status(other, clientId, first), 200)
  })

  test('are kept where the identity provider is started anew', async () => {
    assert.equal(await status(idp, clientId, first), 200)
    host.set((response) => response.destroy())
    const restarted = await estate.instance()
    assert.equal(await status(restarted, clientId, first), 200)
    assert.equal(looks(), 1)
    await restarted.close()
  })

  test('are fetched twice at most within a cool-down, whatever a flood names, over all instances', async () => {
    assert.equal(await status(idp, clientId, first), 200)
    const attempts = Array.from({ length: 60 }, (_, n) =>
      status(n % 2 ? idp : other, clientId, newPair(`${randomUUID()}`)),
    )
    assert.deepEqual(new Set(await Promise.all(attempts)), new Set([401]))
    assert.equal(looks(), 2)
    assert.equal(await status(idp, clientId, first), 200)
  })

  test('are waited for by all who come meanwhile, also to another instance', async () => {
    const { promise: asked, resolve: begun } = Promise.withResolvers<() => void>()
    host.set((response, request) => begun(() => publishing([first])(response, request)))
    const early = status(idp, clientId, first)
    const answer = await asked
    const late = [idp, idp, other, other].map((instance) => status(instance, clientId, first))
    await eventually(
      () => other.idp.instance.keyLooks.has(clientId),
      (waits) => waits,
    )
    answer()
    assert.deepEqual(await Promise.all([early, ...late]), [200, 200, 200, 200, 200])
    assert.equal(looks(), 1)
  })

  test('that were published while a look was under way are looked for once more', async () => {
    assert.equal(await status(idp, clientId, first), 200)
    await age(estate, clientId, cooldownSeconds, idp, other)
    const { promise: asked, resolve: begun } = Promise.withResolvers<() => void>()
    host.set((response, request) => begun(() => publishing([first])(response, request)))
    const early = status(idp, clientId, newPair('unknown'))
    const answer = await asked
    host.set(publishing([first, second]))
    const late = [status(idp, clientId, second), status(other, clientId, second)]
    answer()
    assert.equal(await early, 401)
    assert.deepEqual(await Promise.all(late), [200, 200])
    assert.equal(looks(), 3)
  })

  test('of a client without a jwks_uri are fetched from nowhere', async () => {
    const without = randomUUID()
    await addClient(estate, without, undefined)
    assert.equal(await status(idp, without, first), 401)
    assert.equal(await status(idp, randomUUID(), first), 401)
    assert.equal(looks(), 0)
  })

  test('of the uri before count no more once the client names another', async () => {
    assert.equal(await status(idp, clientId, first), 200)
    const elsewhere = `${host.url}?elsewhere`
    host.set((response, request) =>
      publishing([request.url?.endsWith('elsewhere') ? second : first])(response, request),
    )
    await estate.db
      .updateTable('clients')
      .set({ metadata: JSON.stringify({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: elsewhere }) })
      .where('client_id', '=', clientId)
      .execute()
    for (const { idp: running } of [idp, other]) running.instance.clients.forget(clientId)
    assert.equal(await status(idp, clientId, first), 401)
    assert.equal(await status(idp, clientId, second), 200)
  })

  test('are told to the audit when they change, and not when they are the same', async () => {
    const audit = await auditReader(idp)
    assert.equal(await status(idp, clientId, first), 200)
    await age(estate, clientId, cooldownSeconds, idp, other)
    assert.equal(await status(idp, clientId, first), 200)
    await age(estate, clientId, cooldownSeconds, idp, other)
    host.set(publishing([second]))
    assert.equal(await status(idp, clientId, second), 200)
    assert.equal(looks(), 3)
    const events = await audit.until({ action: 'client.keys_fetched', actor: clientId }, 2)
    const told = events.map(({ details, agentId, organizationId }) => ({ details, agentId, organizationId }))
    const of = { agentId: clientId, organizationId: 'default' }
    assert.deepEqual(told.toReversed(), [
      { ...of, details: { added: ['first'], removed: [] } },
      { ...of, details: { added: ['second'], removed: ['first'] } },
    ])
  })

  test('that are not understood do not make the others unusable', async () => {
    const strange = [
      { kty: 'EC', crv: 'P-256K', x: 'a', y: 'b', kid: 'k1' },
      { kid: 'nothing' },
      { ...jwkOf(second), use: 'enc' },
    ]
    host.set(jsonOf({ keys: [...strange, jwkOf(first)] }))
    assert.equal(await status(idp, clientId, first), 200)
    assert.equal(await status(idp, clientId, second), 401)
  })

  test('are let go of at once where their private halves are published', async () => {
    host.set(publishing([first, second]))
    for (const instance of [idp, other]) assert.equal(await status(instance, clientId, first), 200)
    host.set(jsonOf({ keys: [{ ...first.privateKey.export({ format: 'jwk' }), kid: 'first' }, jwkOf(second)] }))
    await age(estate, clientId, 61, idp, other)
    assert.equal(await status(idp, clientId, first), 401)
    assert.equal(await status(idp, clientId, second), 200)
    assert.equal(await status(other, clientId, first), 401)
  })
})
