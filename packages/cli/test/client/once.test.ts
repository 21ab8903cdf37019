import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { rotateCredential } from '../../src/client/credentials.ts'
import { ManagementClient } from '../../src/client/management.ts'
import { type CliError, exitCodeOf } from '../../src/error.ts'
import { playIdp, Refusal } from '../idp.ts'

const rotation = 'POST /agents/a-1/credentials/c-1/rotate'
const issued = {
  credentialId: 'c-1',
  clientId: { agentId: 'a-1' },
  clientSecret: 'sk_live_1',
  status: 'active',
  createdAt: '',
}

test('a secret whose reply was lost is asked for again by the same key, also of a single instance', async () => {
  let lost = 0
  const idp = await playIdp({
    [rotation]: (response: ServerResponse) => {
      if (lost++ === 0) response.socket?.destroy()
      else response.end(JSON.stringify(issued))
    },
  })
  assert.deepEqual(await rotateCredential(client(idp.url), { agentId: 'a-1' }, 'c-1', {}), issued)
  const [first, second, ...rest] = idp.requests
  assert.deepEqual(rest, [])
  assert.match(first?.key ?? '', /^[\w-]{20,200}$/)
  assert.equal(second?.key, first?.key)
  await idp.close()
})

test('the reply that one instance owes is asked for at another one', async () => {
  const [deaf, other] = [await playIdp({ [rotation]: cutOff }), await playIdp({ [rotation]: issued })]
  const management = client(deaf.url, [deaf.url, other.url])
  assert.deepEqual(await rotateCredential(management, { agentId: 'a-1' }, 'c-1', {}), issued)
  assert.equal(other.requests[0]?.key, deaf.requests[0]?.key)
  await Promise.all([deaf.close(), other.close()])
})

test('two rotations are two, each by a key of its own', async () => {
  const idp = await playIdp({ [rotation]: issued })
  const management = client(idp.url)
  await rotateCredential(management, { agentId: 'a-1' }, 'c-1', {})
  await rotateCredential(management, { agentId: 'a-1' }, 'c-1', {})
  assert.equal(new Set(idp.requests.map(({ key }) => key)).size, 2)
  await idp.close()
})

test('a refusal is an answer: nothing is asked again', async () => {
  const idp = await playIdp({ [rotation]: new Refusal(409, 'CREDENTIAL_CHANGED', 'it was rotated meanwhile') })
  await assert.rejects(
    rotateCredential(client(idp.url), { agentId: 'a-1' }, 'c-1', {}),
    (error: CliError) => exitCodeOf(error) === 4 && error.facts.code === 'CREDENTIAL_CHANGED',
  )
  assert.equal(idp.requests.length, 1)
  await idp.close()
})

test('when the reply may be forgotten, it is not asked for again: that would be another rotation', async () => {
  let now = 0
  const idp = await playIdp({
    [rotation]: (response: ServerResponse) => {
      now += 50_000
      cutOff(response)
    },
  })
  await assert.rejects(
    rotateCredential(
      client(idp.url, undefined, () => now),
      { agentId: 'a-1' },
      'c-1',
      {},
    ),
    (error: CliError) => exitCodeOf(error) === 3,
  )
  assert.equal(idp.requests.length, 1)
  await idp.close()
})

function cutOff(response: ServerResponse): void {
  response.socket?.destroy()
}

function client(idp: string, idps = [idp], now = () => 0): ManagementClient {
  return new ManagementClient({ idp, idps, apis: [], admin: { clientId: 'a', clientSecret: 'b' } }, { fetch, now })
}
