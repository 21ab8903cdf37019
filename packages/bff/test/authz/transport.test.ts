import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { makeCertificate } from '@rekey/verifier/testing'
import { testPdp } from './decision-point.ts'
import { decidedRoutes } from './routes.ts'

const routes = 'routes: [{path: /x, target_service: "http://localhost", methods: [GET], authz: pdp}]'
const map = 'endpoint_map: {/x: {GET: {resource: a, action: b}}}\nretry: {attempts: 1}\n'
const dangerous = 'verify_ssl: false, dangerously_trust_any_certificate: true'

const folder = mkdtempSync(join(tmpdir(), 'bff-transport-'))
after(() => rmSync(folder, { recursive: true }))

describe('a decision point whose certificate', () => {
  const certificate = makeCertificate()
  const caFile = join(folder, 'ca.pem')
  writeFileSync(caFile, certificate.cert)

  test('nobody vouches for is not asked', async (t) => {
    const point = await testPdp(t, certificate)
    const { call } = await decidedRoutes(t, { pdp: `connection: {base_url: "${point.url}"}\n${map}`, routes })
    assert.equal((await call('GET', '/x')).status, 503)
    assert.equal(point.asked.length, 0)
  })

  test('stands in ca_file is asked', async (t) => {
    const point = await testPdp(t, certificate)
    const connection = `connection: {base_url: "${point.url}", ca_file: "${caFile}", client_id: c, client_secret: s, token_url: "${point.url}/token"}`
    const { call, lines } = await decidedRoutes(t, { pdp: `${connection}\n${map}`, routes })
    assert.equal((await call('GET', '/x')).status, 200)
    assert.equal(point.asked[0]?.authorization, 'Bearer token-1')
    assert.ok(!lines.join('').includes('dangerous'))
  })

  test('is not looked at is asked too, and that is warned about', async (t) => {
    const point = await testPdp(t, certificate)
    const pdp = `connection: {base_url: "${point.url}", ${dangerous}}\n${map}`
    const { call, lines } = await decidedRoutes(t, { pdp, routes })
    assert.ok(
      lines.some((line) => line.includes('"level":40') && line.includes('verify_ssl is false, which is dangerous')),
    )
    assert.equal((await call('GET', '/x')).status, 200)
  })

  test('is not looked at does not get our secret sent to another server that nobody vouches for', async (t) => {
    const [point, issuer] = [await testPdp(t), await testPdp(t, certificate)]
    const connection = `connection: {base_url: "${point.url}", ${dangerous}, client_id: c, client_secret: s, token_url: "${issuer.url}/token"}`
    const { call } = await decidedRoutes(t, { pdp: `${connection}\n${map}`, routes })
    assert.equal((await call('GET', '/x')).status, 503)
    assert.equal(issuer.tokens.length, 0)
  })

  test('is to be found in a file that is not there, or in one that holds none, is a mistake on its line', async (t) => {
    const none = join(folder, 'none.pem')
    writeFileSync(none, 'nothing of the kind')
    const wrong = [
      ['/nowhere', 'cannot be read (ENOENT)'],
      [none, 'expected certificates as PEM'],
    ] as const
    for (const [file, message] of wrong) {
      const pdp = `connection:\n  base_url: "https://localhost"\n  ca_file: ${file}\n${map}`
      await assert.rejects(decidedRoutes(t, { pdp, routes }), {
        code: 'CONFIG_INVALID',
        message: `the files of configuration are wrong:\npdp.yaml:3: connection.ca_file: ${message}`,
      })
    }
  })
})
