import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { folder, start } from '../client.ts'
import { type Foreign, startForeign } from '../foreign/provider.ts'

let foreign: Foreign
before(async () => {
  foreign = await startForeign({ issueRat: false })
})
after(() => foreign.close())

it('a client without a registration access token is used as it is, until its key is due', async () => {
  const place = await folder()
  const setting = { idp: foreign.url, folder: place.path }
  const first = await start(setting, { DCR_IAT: await foreign.iat() })
  const again = await start(setting)
  assert.deepEqual([again.outcome, again.clientId, again.kid], ['unchanged', first.clientId, first.kid])
  await assert.rejects(start(setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' }), {
    code: 'RAT_INVALID',
    message: /none is stored/,
  })
  assert.deepEqual(
    foreign.requests.map(({ method }) => method),
    ['POST'],
  )
  await place.remove()
})
