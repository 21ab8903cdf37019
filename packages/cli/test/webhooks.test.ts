import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { RealIdp } from './real-idp.ts'

let idp: RealIdp
const arrived: string[] = []
const receiver = createServer((request, response) => {
  arrived.push(String(request.headers['webhook-id']))
  request.resume().on('end', () => response.writeHead(204).end())
}).listen(0, '127.0.0.1')
before(async () => {
  await once(receiver, 'listening')
  idp = await RealIdp.start({ REKEY_WEBHOOK_ALLOW_PRIVATE: 'localhost' })
})
after(async () => {
  receiver.closeAllConnections()
  receiver.close()
  await idp.remove()
})

test('a webhook is made, tells of events, and its secret is rotated and shown once', async () => {
  const url = `http://localhost:${(receiver.address() as AddressInfo).port}/hook`
  const { code, stdout, stderr } = await idp.rekey('webhook', 'create', 'ours', url, '--event', 'agent.*')
  assert.equal(code, 0, stderr)
  const [, id = ''] =
    /^Webhook +(\S+)\nEvents +agent\.\*\nSecret +whsec_\S+ {3}\(shown only now\)\n$/.exec(stdout) ?? []
  assert.ok(id, stdout)
  assert.equal((await idp.rekey('agent', 'create', 'somebody')).code, 0)
  const { deliveries } = await eventually(
    () => idp.json('webhook', 'deliveries', id),
    (found) => found.deliveries[0]?.status === 'delivered',
  )
  assert.deepEqual(arrived, [deliveries[0].messageId])
  assert.match((await idp.rekey('webhook', 'deliveries', id)).stdout, /agent\.created +delivered +1 /)
  const rotated = await idp.rekey('webhook', 'rotate-secret', id, '--overlap', '1h')
  assert.match(
    rotated.stdout,
    /^whsec_\S+ {3}\(shown only now\)\n\nThe old secret signs, too, for (1h|59m \d+s), or until /,
  )
  assert.equal((await idp.json('webhook', 'show', id)).secrets.length, 2)
  assert.equal((await idp.json('webhook', 'confirm-secret', id)).secrets.length, 1)
  assert.deepEqual(await idp.json('webhook', 'redeliver', id, deliveries[0].id), { redelivered: 1 })
  await eventually(
    () => arrived,
    (ids) => ids.length === 2 && ids[0] === ids[1],
  )
  assert.match((await idp.rekey('webhook', 'redeliver', id)).stdout, /^Nothing was given up, so nothing is /)
  assert.equal((await idp.json('webhook', 'change', id, '--pause')).status, 'paused')
  assert.equal((await idp.json('webhook', 'change', id, '--resume', '--name', 'others')).name, 'others')
  assert.match((await idp.rekey('webhook', 'list')).stdout, new RegExp(`  ${id} +others +active +0 +0 +agent\\.\\*`))
  assert.equal((await idp.rekey('webhook', 'delete', id)).stdout, `Webhook ${id} is deleted.\n`)
  assert.equal((await idp.rekey('webhook', 'show', id)).code, 1)
})

test('a webhook to a private address, or for an event that there is not, is refused with the reason', async () => {
  const inside = await idp.rekey('webhook', 'create', 'x', 'https://10.0.0.1/')
  assert.equal(inside.code, 1)
  assert.match(inside.stderr, /private address, and not in REKEY_WEBHOOK_ALLOW_PRIVATE/)
  const nothing = await idp.rekey('webhook', 'create', 'x', 'https://1.1.1.1/', '--event', 'agent.exploded')
  assert.equal(nothing.code, 1)
  assert.equal((await idp.rekey('webhook', 'change', 'x')).code, 2)
})
