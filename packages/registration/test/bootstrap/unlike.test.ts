import assert from 'node:assert/strict'
import { it } from 'node:test'
import { warnOfUnlike } from '../../src/bootstrap/unlike.ts'
import { optionsFromEnvironment } from '../../src/index.ts'
import { portsWith } from '../../src/ports.ts'
import { environment } from '../client.ts'

it('a client_id and a profile that are not those of the registration are told, and nothing else is', () => {
  const warned = (more: Record<string, string>) => {
    const lines: string[] = []
    const options = optionsFromEnvironment(environment({ idp: 'http://idp.example', folder: '/keys' }, more))
    assert.ok(!('skip' in options))
    const ports = portsWith({ log: (level, line) => void lines.push(`${level} ${line}`) })
    const seen = { metadata: { client_profile: 'code-flow-pkjwt' }, etag: undefined }
    warnOfUnlike({ options, ports }, { client_id: 'bff-server' }, seen)
    return lines
  }
  assert.deepEqual(warned({ DCR_CLIENT_ID: 'bff-server', DCR_CLIENT_PROFILE: 'code-flow-pkjwt' }), [])
  assert.deepEqual(warned({}), [])
  assert.match(
    warned({ DCR_CLIENT_ID: 'other' }).join(),
    /^warn DCR_CLIENT_ID is other, .*bff_client\.json is bff-server/,
  )
  assert.match(
    warned({ DCR_CLIENT_PROFILE: 'default' }).join(),
    /^warn DCR_CLIENT_PROFILE is default, .* by code-flow-pkjwt/,
  )
})
