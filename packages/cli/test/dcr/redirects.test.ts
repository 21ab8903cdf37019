import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Scene, type Service, scene } from './scene.ts'

const [a, b, c] = ['a', 'b', 'c'].map((name) => `https://bff.example.com/${name}`) as [string, string, string]
const one = '/api/oidc/register/bff-server'

describe('the redirect URIs of a service', () => {
  let s: Scene
  let bff: Service

  before(async () => {
    s = await scene()
    bff = s.service()
    // By spaces or by commas.
    await bff.started({ DCR_IAT: await s.iat(), DCR_REDIRECT_URIS: `${a}, ${b}` })
    s.wire.taken()
  })
  after(() => s.end())

  const registered = async () => (await s.idp.json('dcr', 'client', 'show', 'bff-server')).metadata.redirect_uris

  const cases = [
    { mode: 'auto', given: `${b} ${a}`, becomes: [a, b], as: 'stay where only their order differs' },
    { mode: 'auto', given: `${b} ${c}`, becomes: [b, c], as: 'are replaced where they differ' },
    { mode: 'auto', given: '', becomes: [b, c], as: 'stay where none are given' },
    { mode: 'merge', given: `${a} ${c}`, becomes: [b, c, a], as: 'are added behind those that are there, none twice' },
    { mode: 'merge', given: b, becomes: [b, c, a], as: 'stay where all are there' },
    { mode: 'replace', given: `${a} ${b}`, becomes: [a, b], as: 'are what is given, and nothing else' },
    { mode: 'replace', given: `${b} ${a}`, becomes: [b, a], as: 'are in the order that is given' },
    { mode: 'none', given: c, becomes: [b, a], as: 'are never touched' },
  ]
  for (const { mode, given, becomes, as } of cases) {
    it(`by ${mode} ${as}`, async () => {
      const before = await registered()
      const { outcome } = await bff.started({ DCR_REDIRECT_UPDATE_MODE: mode, DCR_REDIRECT_URIS: given })
      const changed = JSON.stringify(before) !== JSON.stringify(becomes)
      assert.equal(outcome, changed ? 'updated' : 'unchanged')
      assert.deepEqual(s.registrations(), [`GET ${one} 200`, ...(changed ? [`PATCH ${one} 200`] : [])])
      assert.deepEqual(await registered(), becomes)
    })
  }

  it('are merged whatever the mode is, where rotation is to be safe', async () => {
    const safe = { DCR_ROTATION_SAFE: 'true', DCR_REDIRECT_UPDATE_MODE: 'replace', DCR_REDIRECT_URIS: c }
    await bff.started(safe)
    assert.deepEqual(await registered(), [b, a, c])
    s.wire.taken()
  })

  it('and the keys are changed by one PATCH, which names nothing else', async () => {
    await bff.started({ BFF_JWK_ROTATE_AFTER_DAYS: '0', DCR_REDIRECT_UPDATE_MODE: 'replace', DCR_REDIRECT_URIS: a })
    const patches = s.wire.taken().filter(({ line }) => line.startsWith('PATCH'))
    assert.deepEqual(
      patches.map(({ sent }) => Object.keys(sent).sort()),
      [['jwks', 'redirect_uris']],
    )
    assert.deepEqual(await registered(), [a])
  })
})
