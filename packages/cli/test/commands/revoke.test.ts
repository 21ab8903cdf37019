import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { playIdp } from '../idp.ts'

test('a revocation that the freeze refuses names the incident as the way', async () => {
  const body = { code: 'ADMINISTRATION_FROZEN', message: 'administration is frozen by INC-7', incident: 'INC-7' }
  const refuse = (response: ServerResponse) => response.writeHead(423).end(JSON.stringify(body))
  const idp = await playIdp({ 'POST /keyrings/signing-es256/revoke': refuse })
  const words = ['revoke', 'signing-es256', 'es256-old', '--reason', 'seen']
  const { code, stderr } = await idp.rekey(...words)
  const json = await idp.rekey(...words, '--json')
  await idp.close()
  assert.deepEqual([code, json.code], [4, 4])
  assert.match(stderr, /, but with "--incident INC-7" it is revoked all the same\n$/)
  assert.deepEqual([JSON.parse(json.stdout).code, JSON.parse(json.stdout).incident], [body.code, 'INC-7'])
})
