/** What AgentIdP's runbook says of webhooks: who is told of a rotation, and how their own secrets are rotated. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { type Received, type Receiver, startReceiver } from '../webhooks/receiver.ts'

describe('the runbook for webhooks', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let receivers: [Receiver, Receiver]
  const webhooks: { id: string; signingSecret: string }[] = []
  before(async () => {
    receivers = [await startReceiver(), await startReceiver()]
    estate = await startEstate({ REKEY_WEBHOOK_ALLOW_PRIVATE: 'localhost' })
    idp = await estate.instance()
    for (const { url } of receivers) {
      const subscription = { name: 'operations', url, events: ['credential.*'] }
      const { status, body } = await idp.manage('POST', '/api/v1/webhooks', subscription)
      assert.equal(status, 201, JSON.stringify(body))
      webhooks.push(body)
    }
  })
  after(async () => {
    for (const receiver of receivers) receiver.close()
    await estate.stop()
  })

  const of = (type: string) => (received: Received) => received.event.type === type
  const secretOf = (number: 0 | 1) => webhooks[number]?.signingSecret ?? ''
  const isSigned = (secret: string, { body, headers }: Received): boolean => {
    try {
      new Webhook(secret).verify(body, headers as Record<string, string>)
      return true
    } catch (error) {
      assert.match(String(error), /No matching signature/)
      return false
    }
  }
  async function rotated(): Promise<{ agentId: string; credentialId: string }> {
    const { agentId } = (await idp.manage('POST', '/api/v1/agents', { name: 'crawler' })).body
    const path = `/api/v1/agents/${agentId}/credentials`
    const { credentialId } = (await idp.manage('POST', path, {})).body
    assert.equal((await idp.manage('POST', `${path}/${credentialId}/rotate`, {})).status, 200)
    return { agentId, credentialId }
  }

  test('key point: a webhook credential.rotated is sent to all active subscriptions', async () => {
    const { agentId, credentialId } = await rotated()
    for (const number of [0, 1] as const) {
      const [received] = await receivers[number].arrived(1, of('credential.rotated'))
      assert.ok(received && isSigned(secretOf(number), received))
      assert.partialDeepStrictEqual(received.event.data, { agentId, details: { credentialId } })
      assert.equal(received.body.includes('sk_live_'), false)
    }
  })

  test('and one about what expires soon, which says nothing of who owns it', async () => {
    const at = new Date(Date.now() + 3 * 86_400_000).toISOString()
    const { agentId } = (await idp.manage('POST', '/api/v1/agents', { name: 'brittle', owner: 'team-glass' })).body
    await idp.manage('POST', `/api/v1/agents/${agentId}/credentials`, { expiresAt: at })
    // Another instance that is started, as each hour: the job runs.
    await estate.instance({ REKEY_ISSUER: idp.url })
    const [received] = await receivers[0].arrived(1, of('credential.expiring_soon'))
    assert.partialDeepStrictEqual(received?.event.data, {
      agentId,
      details: { expiresAt: at, environment: 'production' },
    })
    assert.doesNotMatch(received?.body ?? '', /team-glass/)
  })

  test('schedule: the secret of a webhook is rotated when its customer wants it, and none of his deliveries fails', async () => {
    const path = `/api/v1/webhooks/${webhooks[0]?.id}`
    const { status, body } = await idp.manage('POST', `${path}/rotate-secret`, { overlap: '24h' })
    assert.equal(status, 200)
    await rotated()
    const all = await receivers[0].arrived(2, of('credential.rotated'))
    const last = all.at(-1) as Received
    assert.deepEqual([isSigned(secretOf(0), last), isSigned(body.signingSecret, last)], [true, true])
  })

  test('schedule: when the endpoint is compromised, the old secret signs nothing from then on', async () => {
    const path = `/api/v1/webhooks/${webhooks[1]?.id}`
    const { body } = await idp.manage('POST', `${path}/rotate-secret`, { overlap: '0s' })
    await rotated()
    const all = await receivers[1].arrived(3, of('credential.rotated'))
    const last = all.at(-1) as Received
    assert.deepEqual([isSigned(secretOf(1), last), isSigned(body.signingSecret, last)], [false, true])
  })
})
