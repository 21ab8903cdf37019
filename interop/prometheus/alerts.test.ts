/**
 * The rules and routes of `deploy/`, on a real Prometheus and a real Alertmanager that scrape real identity providers: what happens is
 * told to a receiver, and so is that it is over. Only times are shortened; how long each alert waits is tested in `rules.test.ts`.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { type Rekey, startRekey } from '@rekey/idp/testing'
import { newCredential, present, rotate, startVerifier, tamper } from './estate.ts'
import { type Running, skip, startAlertmanager, startPrometheus } from './programs.ts'
import { startReceiver } from './receiver.ts'

const keyring = 'signing-es256'

describe('a real Prometheus with a real Alertmanager', { skip, timeout: 240_000 }, () => {
  let folder: string
  let idp: Rekey
  let other: Rekey
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  let verifier: Awaited<ReturnType<typeof startVerifier>>
  let prometheus: Running
  const running: { stop(): unknown }[] = []
  const begun = <Part extends { stop(): unknown }>(part: Part): Part => {
    running.unshift(part)
    return part
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-prometheus-'))
    idp = begun(
      await startRekey({
        REKEY_ROTATE_EVERY: '15s',
        REKEY_WEBHOOK_ALLOW_PRIVATE: '127.0.0.1',
        REKEY_WEBHOOK_RETRY_BASE: '0s',
        LOG_LEVEL: 'fatal',
      }),
    )
    other = begun(await startRekey({ LOG_LEVEL: 'fatal' }))
    // Behind from the beginning: the alert on that waits until it lasted for 15 s.
    verifier = begun(await startVerifier(idp, 'slow-api'))
    await verifier.catchUp()
    await idp.rotateSigningKey(keyring)
    receiver = begun(await startReceiver())
    const alertmanager = begun(await startAlertmanager(folder, receiver.url))
    const targets = { 'rekey-idp': [idp, other].map(({ url }) => new URL(url).host) }
    prometheus = begun(await startPrometheus(folder, targets, alertmanager.url))
  })
  after(async () => {
    for (const part of running) await part.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('loads every rule, and scrapes every instance', async () => {
    interface Asked {
      data: { groups: object[]; activeTargets: { health: string }[] }
    }
    const asked = async (path: string) => ((await (await fetch(prometheus.url + path)).json()) as Asked).data
    await eventually(
      () => asked('/api/v1/targets'),
      ({ activeTargets: all }) => all.length === 2 && all.every(({ health }) => health === 'up'),
    )
    const { groups } = await asked('/api/v1/rules')
    assert.ok(groups.length > 5)
  })

  it('tells of a credential that expires soon, and when it was rotated', async () => {
    const credential = await newCredential(idp, 'reporter', 3)
    const { annotations, receiver: whom } = await receiver.firing('CredentialExpiryApproaching', {
      environment: 'production',
    })
    assert.equal(annotations.summary, 'Credentials of production that expire soon: 1')
    assert.equal(whom, 'security')
    await rotate(idp, credential)
    await receiver.resolved('CredentialExpiryApproaching', { environment: 'production' })
  })

  it('tells of a credential that expired and left its agent with none, until the agent has another one', async () => {
    const { path } = await newCredential(idp, 'forgotten', 3 / 86_400)
    const { annotations, labels } = await receiver.firing('RekeyCredentialsExpired', { environment: 'production' })
    assert.equal(annotations.summary, 'Credentials of production that expired and left their agents with none: 1')
    assert.equal(labels.severity, 'critical')
    await idp.manage('POST', dirname(path), {})
    await receiver.resolved('RekeyCredentialsExpired', { environment: 'production' })
  })

  it('tells of a secret that was replaced, and of one that was revoked, when they are presented', async () => {
    const old = await newCredential(idp, 'copied', 90)
    const fresh = await rotate(idp, old)
    assert.equal(await present(idp, old), 401)
    await receiver.firing('RekeyOldSecretPresented')
    assert.equal(
      receiver.told.some(({ labels }) => labels.alertname === 'RekeyTripwire'),
      false,
    )
    await idp.manage('POST', `${old.path}/revoke`, { reason: 'leaked' })
    assert.equal(await present(idp, fresh), 401)
    assert.equal((await receiver.firing('RekeyTripwire')).labels.severity, 'critical')
    await receiver.resolved('RekeyOldSecretPresented')
    await receiver.resolved('RekeyTripwire')
  })

  it('tells of a freeze with its incident, and of its end', async () => {
    const kid = await idp.activeKid(keyring)
    await idp.manage('POST', '/api/v1/incidents', { incident: 'INC-7', kid, reason: 'leaked', run: false })
    await idp.manage('POST', '/api/v1/incidents/INC-7/freeze')
    await receiver.firing('RekeyAdministrationFrozen', { incident: 'INC-7' })
    await idp.manage('POST', '/api/v1/incidents/INC-7/unfreeze')
    await receiver.resolved('RekeyAdministrationFrozen', { incident: 'INC-7' })
  })

  it('tells of deliveries that were given up, and when they were made after all', async (t) => {
    const subscriber = createServer((_request, response) => response.end())
    t.after(() => subscriber.closeAllConnections())
    t.after(() => subscriber.close())
    const port = await portOf(subscriber)
    await closed(subscriber)
    const url = `http://127.0.0.1:${port}/hook`
    const hook = await idp.manage('POST', '/api/v1/webhooks', { name: 'away', url, events: ['agent.created'] })
    await idp.manage('POST', '/api/v1/agents', { name: 'told of' })
    await receiver.firing('RekeyWebhookDeadLetters')
    await portOf(subscriber, port)
    await idp.manage('POST', `/api/v1/webhooks/${hook.id}/redeliver`, {})
    await receiver.resolved('RekeyWebhookDeadLetters')
  })

  it('tells of a verifier that lags, and of what waits for it, until it has caught up', async () => {
    await receiver.firing('RekeyVerifierLagging', { verifier: 'slow-api' })
    await receiver.firing('RekeyGateWaiting', { keyring, step: 'activate', gate: 'propagated' })
    await receiver.firing('RekeyKeyOverdue', { keyring })
    await verifier.catchUp()
    await receiver.resolved('RekeyGateWaiting', { keyring, step: 'activate', gate: 'propagated' })
    await receiver.resolved('RekeyKeyOverdue', { keyring })
  })

  it('tells of an audit that somebody changed, where and only there', async () => {
    const instance = new URL(other.url).host
    const verify = () => other.manage('GET', '/api/v1/audit/verify')
    const putBack = await tamper(other)
    assert.equal((await verify()).verified, false)
    const { labels } = await receiver.firing('RekeyAuditIntegrity')
    assert.deepEqual([labels.instance, labels.severity], [instance, 'critical'])
    await putBack()
    assert.equal((await verify()).verified, true)
    await receiver.resolved('RekeyAuditIntegrity', { instance })
  })

  it('tells whoever is on call of an instance that has lost its database, and that it has it back', async () => {
    const instance = new URL(other.url).host
    await other.database.reachable(false)
    await receiver.firing('RekeyLeaseTrouble', { instance })
    await other.database.reachable(true)
    await receiver.resolved('RekeyLeaseTrouble', { instance })
    const whom = receiver.told.filter(({ labels }) => labels.alertname === 'RekeyLeaseTrouble')
    assert.ok(whom.some(({ receiver: name }) => name === 'on-call'))
  })
})

async function portOf(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function closed(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
