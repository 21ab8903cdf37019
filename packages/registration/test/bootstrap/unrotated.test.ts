import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { atModern } from '../at-modern.ts'
import { environment, folder, pem, start } from '../client.ts'

describe('a rotation that fails', () => {
  const at = atModern()
  const due = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }
  const registered = async () => start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
  const refuse = (status: number) => {
    at.modern.instead = ({ method }) => (method === 'PATCH' ? { status, body: { error: 'no' } } : undefined)
  }

  for (const [status, code] of [
    [423, 'FROZEN'],
    [503, 'IDP_UNREACHABLE'],
    [400, 'METADATA_REFUSED'],
    [418, 'IDP_REFUSED'],
  ] as const) {
    it(`by ${status} lets the service go on by its key, which is registered, also at the start after that`, async () => {
      const first = await registered()
      const before = await pem(at.setting)
      refuse(status)
      for (const env of [due, {}]) {
        const again = await start(at.setting, env)
        assert.deepEqual([again.outcome, again.kid, again.rotated], ['unchanged', first.kid, false])
        assert.equal(again.rotationFailed, code)
        assert.match(again.reasons.join(), new RegExp(`^not rotated \\(${code}\\)`))
        const said = again.lines.join('\n')
        assert.match(said, new RegExp(`The key was not rotated \\(${code}\\); the service goes on by ${first.kid}`))
        assert.doesNotMatch(said, /published|rotated successfully/)
      }
      assert.equal(await pem(at.setting), before)
      at.modern.instead = undefined
      assert.equal((await start(at.setting)).outcome, 'rotated')
    })
  }

  it('for want of room is borne where it came by age, and is an error for whoever asked for it now', async () => {
    const first = await registered()
    const other = await folder()
    await cp(environment(at.setting).BFF_CLIENT_CRED_PATH, join(other.path, 'bff_client.json'))
    await start({ ...at.setting, folder: other.path }, { BFF_KID: 'of-a-sibling' })
    await other.remove()
    const later = { now: () => Date.now() + 31 * 86_400_000 }
    const aged = await start(at.setting, { BFF_JWK_MAX_KEYS: '2' }, later)
    assert.deepEqual([aged.outcome, aged.kid, aged.rotationFailed], ['unchanged', first.kid, 'TOO_MANY_KEYS'])
    await assert.rejects(start(at.setting, { ...due, BFF_JWK_MAX_KEYS: '2' }), { code: 'TOO_MANY_KEYS' })
  })

  it('is an error where the key is not there, and where a redirect URI was to be registered as well', async () => {
    await registered()
    refuse(423)
    await assert.rejects(start(at.setting, { ...due, DCR_REDIRECT_URIS: 'https://b.example/cb' }), { code: 'FROZEN' })
    await rm(environment(at.setting).DCR_SIGNING_KEY)
    await assert.rejects(start(at.setting), { code: 'FROZEN' })
  })
})
