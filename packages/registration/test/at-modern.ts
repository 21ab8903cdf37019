import { after, afterEach, before, beforeEach } from 'node:test'
import { folder, type Setting } from './client.ts'
import { type Modern, startModern } from './foreign/modern.ts'

/** One identity provider for the suite that calls this, and a folder of its own for each of its tests. */
export function atModern(options?: Parameters<typeof startModern>[0]) {
  const at = {} as { modern: Modern; setting: Setting }
  let place: Awaited<ReturnType<typeof folder>>
  before(async () => {
    at.modern = await startModern(options)
  })
  after(() => at.modern.close())
  beforeEach(async () => {
    place = await folder()
    at.setting = { idp: at.modern.url, folder: place.path }
    at.modern.log.length = 0
    at.modern.behind.requests.length = 0
    at.modern.instead = undefined
    at.modern.meanwhile = undefined
  })
  afterEach(() => place.remove())
  return at
}
