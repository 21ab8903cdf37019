import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { readConfigFiles } from '../../src/config/files/read.ts'
import { testIssuer } from './issuer.ts'
import { bearerRoutes } from './routes.ts'

const folder = mkdtempSync(join(tmpdir(), 'bff-rotation-'))
after(() => rmSync(folder, { recursive: true }))

test('a client secret in a file takes effect when it changes, and an empty file leaves the last one in force', async (t) => {
  const issuer = await testIssuer(t)
  issuer.answer({ body: { active: true, sub: 'u-1' } })
  const file = join(folder, 'secret')
  writeFileSync(file, 'first\n')
  writeFileSync(
    join(folder, 'idps.yaml'),
    `idps:
  - name: corporate
    issuer: "${issuer.url}"
    audience: null
    introspection_url: "${issuer.url}/introspect"
    client_id: bff
    client_secret: \${CLIENT_SECRET}
`,
  )
  const env = { CLIENT_SECRET_FILE: file }
  const { idps } = readConfigFiles(folder, env, { allowPlaintext: false, hasOtherIdp: false })
  const { call, lines } = await bearerRoutes(t, { idps })
  const presented = async () => {
    assert.equal((await call('Bearer abc')).status, 200)
    return Buffer.from(issuer.asked.at(-1)?.authorization?.slice(6) ?? '', 'base64').toString()
  }
  assert.equal(await presented(), 'bff:first')
  writeFileSync(file, 'second\n')
  await eventually(presented, (credentials) => credentials === 'bff:second')
  writeFileSync(file, '')
  await eventually(
    () => lines.filter((line) => line.includes('the file is empty')),
    (warnings) => warnings.length > 0,
  )
  assert.equal(await presented(), 'bff:second')
  assert.ok(lines.some((line) => line.includes('idps.yaml:7: idps[0].client_secret: the file is empty')))
})
