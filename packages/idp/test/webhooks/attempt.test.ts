import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { makeCertificate } from '@rekey/verifier/testing'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { keptConnections } from '../../src/outbound/fetch.ts'
import { attempt } from '../../src/webhooks/attempt.ts'
import { webhookRules } from '../../src/webhooks/open.ts'
import { askedBy, retryAfterMs } from '../../src/webhooks/retry.ts'
import { newSigningSecret, signatures } from '../../src/webhooks/signature.ts'
import { requireTarget } from '../../src/webhooks/target.ts'
import { type Answer, answering, type Receiver, startReceiver } from './receiver.ts'

const secrets = [newSigningSecret()]
/** Kept connections are those of one set of rules. */
const made: ReturnType<typeof keptConnections>[] = []
function newAgents() {
  const agents = keptConnections(4)
  made.push(agents)
  return agents
}
const resolvesTo =
  (...addresses: string[]) =>
  async (): Promise<LookupAddress[]> =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
const rulesOf = (allowPrivate: string[], resolve = resolvesTo('127.0.0.1')) =>
  webhookRules({ webhooks: { allowPrivate, timeoutMs: 0, retryBaseMs: 0, most: 1, keptMs: 0 } }, resolve)

function send(url: string, rules = rulesOf(['localhost'])) {
  const sending = { rules, agents: newAgents(), timeoutMs: 500, now: Date.now }
  return attempt(sending, { id: 'msg_1', body: '{"a":1}', url, secrets }, new AbortController().signal)
}

describe('an attempt to deliver', () => {
  let receiver: Receiver
  before(async () => {
    receiver = await startReceiver()
  })
  after(() => {
    receiver.close()
    for (const { plain, secure } of made) for (const agent of [plain, secure]) agent.destroy()
  })

  test('is refused where a name resolves to a private address, whatever else it resolves to', async () => {
    for (const addresses of [['10.0.0.1'], ['1.1.1.1', '127.0.0.1'], ['::ffff:10.0.0.1'], ['fd00::1']]) {
      const { isDelivered, error } = await send('https://inside.example/', rulesOf([], resolvesTo(...addresses)))
      assert.deepEqual([isDelivered, error], [false, 'address_private'])
    }
    assert.equal(receiver.received.length, 0)
  })

  test('goes to a network that the operator named, by plain HTTP too, and to none beside it', async () => {
    const url = `http://inside.example:${receiver.port}/`
    assert.equal((await send(url, rulesOf(['127.0.0.0/8']))).isDelivered, true)
    assert.equal((await send(url, rulesOf(['10.0.0.0/8']))).error, 'address_private')
    assert.equal((await send(url, rulesOf(['10.0.0.0/8'], resolvesTo('1.1.1.1')))).error, 'not_https')
  })

  test('is judged anew on a redirect', async () => {
    receiver.answer((response, { path }) =>
      path === '/' ? response.writeHead(307, { location: 'https://inside.example/' }).end() : response.end(),
    )
    const { error } = await send(`http://localhost:${receiver.port}/`, rulesOf(['localhost'], resolvesTo('10.0.0.1')))
    assert.equal(error, 'address_private')
    receiver.answer((response) => void response.writeHead(308, { location: '/again' }).end())
    assert.equal((await send(receiver.url)).error, 'redirect')
    receiver.answer(answering(204))
  })

  test('fails where the certificate is nobody’s, or the answer hangs', async () => {
    const tls = createTlsServer(makeCertificate(), (_request, response) => response.end())
    await once(tls.listen(0, '127.0.0.1'), 'listening')
    const { port } = tls.address() as AddressInfo
    assert.equal((await send(`https://localhost:${port}/`)).error, 'DEPTH_ZERO_SELF_SIGNED_CERT')
    tls.close()
    receiver.answer(() => undefined)
    assert.equal((await send(receiver.url)).error, 'timeout')
    receiver.answer((response) => void response.writeHead(200, { big: 'x'.repeat(100_000) }).end())
    assert.equal((await send(receiver.url)).error, 'HPE_HEADER_OVERFLOW')
    receiver.answer(answering(204))
  })

  test('has got through where that is answered, whatever else the answer says and however long that takes', async () => {
    const bodies: Answer[] = [
      (response) => void response.end(Buffer.alloc(1_000_000)),
      (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'),
      (response) => {
        const dripping = setInterval(() => response.write('x'), 10)
        response.on('close', () => clearInterval(dripping))
      },
      (response) => void response.writeHead(200, { 'content-length': '10' }).write('x', () => response.destroy()),
    ]
    for (const answer of bodies) {
      receiver.answer(answer)
      assert.deepEqual(await send(receiver.url), { isDelivered: true, status: 200 })
    }
    receiver.answer((response) => void response.writeHead(500).end(Buffer.alloc(1_000_000)))
    assert.equal((await send(receiver.url)).status, 500)
    receiver.answer(answering(204))
  })

  test('is refused early where it is known that it will be', async () => {
    await assert.rejects(requireTarget(rulesOf([], resolvesTo('10.0.0.1')), 'https://inside.example/'))
    await assert.rejects(requireTarget(rulesOf([]), 'http://example.com/'))
    await requireTarget(rulesOf([], resolvesTo('1.1.1.1')), 'https://example.com/')
    await requireTarget(rulesOf(['10.0.0.0/8'], resolvesTo('10.0.0.1')), 'http://inside.example/')
  })
})

test('whatever is sent is verified by each of its secrets, and by no other one', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 4 }), (text, count) => {
      const all = Array.from({ length: count }, newSigningSecret)
      const timestamp = Math.floor(Date.now() / 1_000)
      const signed = { id: 'msg_1', timestamp, body: JSON.stringify({ text }) }
      const headers = {
        'webhook-id': signed.id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signatures(all, signed),
      }
      for (const secret of all) assert.deepEqual(new Webhook(secret).verify(signed.body, headers), { text })
      assert.throws(() => new Webhook(newSigningSecret()).verify(signed.body, headers))
    }),
  )
})

test('it is waited longer after each attempt, and as long as the receiver asks for, but not for ever', () => {
  const middle = (attempts: number, asked?: number) => retryAfterMs(5_000, attempts, asked, () => 0.5)
  assert.deepEqual(
    [1, 2, 3, 9].map((attempts) => middle(attempts)),
    [5_000, 15_000, 45_000, 32_805_000],
  )
  assert.equal(middle(1, 60_000), 60_000)
  assert.equal(middle(1, 10 * 86_400_000), 86_400_000)
  assert.ok(retryAfterMs(5_000, 1, 0, () => 0) >= 3_750 && retryAfterMs(5_000, 1, 0, () => 1) <= 6_250)
})

test('Retry-After is read as seconds and as a date, and anything else says nothing', () => {
  const now = Date.parse('2027-01-01T00:00:00Z')
  assert.equal(askedBy('120', now), 120_000)
  assert.equal(askedBy('Fri, 01 Jan 2027 00:01:00 GMT', now), 60_000)
  for (const text of [undefined, '', 'soon', '-5', 'Fri, 01 Jan 2021 00:00:00 GMT'])
    assert.equal(askedBy(text, now), undefined)
})
