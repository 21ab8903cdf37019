import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type Plan, type PlanInput, plan } from '../../../src/incident/plan.ts'
import { folderJournal } from '../../../src/journal/folder.ts'
import { readCommandFile } from '../../../src/providers/command/file.ts'
import { commandProvider } from '../../../src/providers/command/provider.ts'
import type { IdentityProvider } from '../../../src/providers/port.ts'
import { systemClock } from '../../clock.ts'
import { type Foreign, startForeign } from './foreign/estate.ts'
import { kidOf } from './foreign/load.ts'

interface Steered {
  foreign: Foreign
  provider: IdentityProvider
  incident: Plan
}

async function steered(test: TestContext, sessions: PlanInput['sessions'] = []): Promise<Steered> {
  const foreign = await startForeign(test, 200)
  const config = await readCommandFile(foreign.file, '/nowhere')
  const provider = commandProvider(config, {
    journal: folderJournal(config.folder, { clock: systemClock, operator: 'ops@console' }),
    env: foreign.env,
    signal: new AbortController().signal,
    clock: systemClock,
    operator: 'ops@console',
    onText: () => {},
  })
  const incident = plan.parse({ incident: 'INC-1', kid: foreign.kid, reason: 'it was in a backup', sessions })
  return { foreign, provider, incident }
}

const nobody = () => {}

describe('an identity provider that is not ours, steered by scripts', () => {
  it('publishes a successor, signs by it, and gives the compromised key up, each as often as it is asked', async (t) => {
    const { foreign, provider, incident } = await steered(t)
    const found = await provider.inspect(incident)
    assert.deepEqual([found.key?.kid, found.key?.canSign, found.provider.library], [foreign.kid, true, 'oidc-provider'])

    const published = await provider.publish?.(incident, nobody)
    const successor = published?.published[0]?.kid
    assert.deepEqual(await foreign.kids(), [foreign.kid, successor])
    assert.equal(kidOf(await foreign.token('agent-7')), foreign.kid, 'nothing is signed by it yet')
    assert.deepEqual((await provider.publish?.(incident, nobody))?.published, published?.published)

    const promotion = await provider.promote(incident, nobody)
    assert.deepEqual(await foreign.kids(), [successor, foreign.kid])
    assert.equal(kidOf(await foreign.token('agent-7')), successor)
    assert.equal(
      (await provider.promote(incident, nobody)).successors[0]?.activatedAt,
      promotion.successors[0]?.activatedAt,
    )

    const revocation = await provider.revoke(incident, nobody)
    assert.deepEqual(await foreign.kids(), [successor])
    assert.deepEqual((await provider.revoke(incident, nobody)).revoked, revocation.revoked)
    assert.equal(revocation.keys.find(({ kid }) => kid === foreign.kid)?.reason, 'it was in a backup')
  })

  it('is not left without a key by a revocation that comes too soon', async (t) => {
    const { foreign, provider, incident } = await steered(t)
    await assert.rejects(provider.revoke(incident, nobody), (error: Error) => /promote comes first/.test(error.message))
    assert.deepEqual(await foreign.kids(), [foreign.kid])
  })

  it('makes probes, of which the one by the compromised key outlives that key', async (t) => {
    const { foreign, provider, incident } = await steered(t)
    const old = await provider.probe(incident, 'compromised')
    assert.ok('token' in old)
    assert.equal(kidOf(old.token), foreign.kid)
    await assert.rejects(provider.probe(incident, 'fresh'), (error: Error) => /it still signs/.test(error.message))
    await provider.publish?.(incident, nobody)
    await provider.promote(incident, nobody)
    await provider.revoke(incident, nobody)
    assert.deepEqual(await provider.probe(incident, 'compromised'), old)
    const fresh = await provider.probe(incident, 'fresh')
    assert.ok('token' in fresh)
    assert.equal(kidOf(fresh.token), (await foreign.kids())[0])
  })

  it('ends the sessions of one client and leaves the others', async (t) => {
    const { foreign, provider, incident } = await steered(t, [{ clientId: 'agent-7' }])
    const [concerned, other] = await Promise.all([foreign.token('agent-7', true), foreign.token('agent-8', true)])
    assert.equal(await foreign.isActive(concerned), true)
    const ended = await provider.endSessions(incident)
    assert.equal(await foreign.isActive(concerned), false)
    assert.equal(await foreign.isActive(other), true)
    assert.ok('entries' in ended)
    assert.deepEqual(Object.keys(ended.entries[0] ?? {}), ['client_id', 'issuedBefore'])
  })

  it('that is away is unreachable, and nothing is taken for done', async (t) => {
    const { foreign, provider, incident } = await steered(t)
    await foreign.stop()
    await assert.rejects(provider.inspect(incident), { code: 'PROVIDER_UNREACHABLE' })
  })

  it('asked for a key that it never had knows none', async (t) => {
    const { provider, incident } = await steered(t)
    assert.equal((await provider.inspect({ ...incident, kid: 'never-heard-of' })).key, undefined)
  })
})
