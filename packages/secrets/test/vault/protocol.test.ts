/** The same exchanges with the test server and with a real one: what is tested against ours holds for theirs. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { newPath, operate, type RawReply, type Target, targets } from './servers.ts'

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/

for (const kind of targets) {
  describe(`the API of Vault, as ${kind.name} speaks it`, { timeout: 30_000 }, () => {
    let target: Target
    before(async () => {
      target = await kind.start()
    })
    after(() => target.close())

    const ask = (method: string, path: string, body?: object) => operate(target, method, path, body)
    const put = (path: string, cas: number, value = 'x') =>
      ask('POST', `secret/data/${path}`, { options: { cas }, data: { clientSecret: value } })

    test('a path that was never written has no data and no metadata', async () => {
      const path = newPath()
      assertErrors(await ask('GET', `secret/data/${path}`), 404)
      assertErrors(await ask('GET', `secret/metadata/${path}`), 404)
    })

    test('a write names its version, and each is read by its number', async () => {
      const path = newPath()
      const { status, body } = await put(path, 0, 'one')
      assert.equal(status, 200)
      assert.match(body.data.created_time, time)
      assert.partialDeepStrictEqual(body.data, {
        version: 1,
        deletion_time: '',
        destroyed: false,
        custom_metadata: null,
      })
      await put(path, 1, 'two')
      const first = await ask('GET', `secret/data/${path}?version=1`)
      assert.deepEqual(first.body.data.data, { clientSecret: 'one' })
      assert.partialDeepStrictEqual(first.body.data.metadata, { version: 1, deletion_time: '', destroyed: false })
      assert.deepEqual((await ask('GET', `secret/data/${path}`)).body.data.data, { clientSecret: 'two' })
      assertErrors(await ask('GET', `secret/data/${path}?version=3`), 404)
    })

    test('a check-and-set that is behind is refused in these words', async () => {
      const path = newPath()
      await put(path, 0)
      assertErrors(await put(path, 0), 400, 'check-and-set parameter did not match the current version')
      assertErrors(await put(path, 7), 400, 'check-and-set parameter did not match the current version')
      assertErrors(await ask('POST', `secret/data/${path}`, { options: { cas: 1 } }), 400, 'no data provided')
    })

    test('a path may require check-and-set, and keep fewer versions: those that fall out leave no trace', async () => {
      const path = newPath()
      const set = await ask('POST', `secret/metadata/${path}`, { max_versions: 2, cas_required: true })
      assert.equal(set.status, 204)
      const plain = await ask('POST', `secret/data/${path}`, { data: {} })
      assertErrors(plain, 400, 'check-and-set parameter required for this call')
      for (const cas of [0, 1, 2]) assert.equal((await put(path, cas)).status, 200)
      const { data } = (await ask('GET', `secret/metadata/${path}`)).body
      assert.partialDeepStrictEqual(data, {
        current_version: 3,
        oldest_version: 2,
        max_versions: 2,
        cas_required: true,
      })
      assert.deepEqual(Object.keys(data.versions), ['2', '3'])
      assertErrors(await ask('GET', `secret/data/${path}?version=1`), 404)
    })

    test('ten versions are kept where nothing is said', async () => {
      const path = newPath()
      for (let cas = 0; cas < 12; cas++) await put(path, cas)
      const { versions } = (await ask('GET', `secret/metadata/${path}`)).body.data
      assert.equal(Object.keys(versions).length, 10)
    })

    test('a deleted version is answered by 404 and its metadata, and comes back', async () => {
      const path = newPath()
      await put(path, 0, 'one')
      assert.equal((await ask('POST', `secret/delete/${path}`, { versions: [1] })).status, 204)
      const gone = await ask('GET', `secret/data/${path}?version=1`)
      assert.deepEqual([gone.status, gone.body.data.data], [404, null])
      assert.match(gone.body.data.metadata.deletion_time, time)
      assert.equal((await ask('POST', `secret/undelete/${path}`, { versions: [1] })).status, 204)
      assert.equal((await ask('GET', `secret/data/${path}?version=1`)).status, 200)
      assert.equal((await ask('DELETE', `secret/data/${path}`)).status, 204)
      assert.equal((await ask('GET', `secret/data/${path}`)).status, 404)
    })

    test('a destroyed version is answered by 404 and its metadata, and does not come back', async () => {
      const path = newPath()
      await put(path, 0)
      assert.equal((await ask('POST', `secret/destroy/${path}`, { versions: [1] })).status, 204)
      await ask('POST', `secret/undelete/${path}`, { versions: [1] })
      const gone = await ask('GET', `secret/data/${path}?version=1`)
      assert.equal(gone.status, 404)
      assert.partialDeepStrictEqual(gone.body.data, { data: null, metadata: { destroyed: true, deletion_time: '' } })
      const { versions } = (await ask('GET', `secret/metadata/${path}`)).body.data
      assert.partialDeepStrictEqual(versions, { 1: { destroyed: true, deletion_time: '' } })
      assertErrors(await ask('POST', `secret/destroy/${path}`, { versions: [] }), 400, 'no version number provided')
    })

    test('deleting the metadata deletes everything, twice if one likes, and counting begins anew', async () => {
      const path = newPath()
      await put(path, 0)
      for (const _ of [1, 2]) assert.equal((await ask('DELETE', `secret/metadata/${path}`)).status, 204)
      assertErrors(await ask('GET', `secret/metadata/${path}`), 404)
      assert.equal((await ask('POST', `secret/destroy/${path}`, { versions: [1] })).status, 204)
      assert.equal((await put(path, 0)).body.data.version, 1)
    })

    test('what lies right below a path is listed, written or not; folders end with a slash', async () => {
      const folder = newPath()
      assertErrors(await ask('GET', `secret/metadata/${folder}?list=true`), 404)
      await put(`${folder}/b`, 0)
      await put(`${folder}/a/deep`, 0)
      await put(`${folder}/a/er`, 0)
      await ask('POST', `secret/metadata/${folder}/settings`, { max_versions: 5 })
      await ask('DELETE', `secret/data/${folder}/b`)
      const { status, body } = await ask('GET', `secret/metadata/${folder}?list=true`)
      assert.deepEqual([status, body.data.keys], [200, ['a/', 'b', 'settings']])
      assertErrors(await ask('GET', `secret/data/${folder}/settings`), 404)
    })

    test('a mount and a token that are not there are each refused in their own words', async () => {
      const { status, body } = await ask('GET', 'nowhere/data/x')
      assert.equal(status, 404)
      assert.match(body.errors[0], /^no handler for route .*route entry not found/)
      const stranger = { address: target.address, token: 'hvs.nobody' }
      assertErrors(await operate(stranger, 'GET', `secret/data/${newPath()}`), 403, 'permission denied')
      assertErrors(await operate(stranger, 'GET', 'auth/token/lookup-self'), 403, 'permission denied')
    })

    test('a token tells how long it lives, is renewed, and is over when it is revoked', async () => {
      const { auth } = (await ask('POST', 'auth/token/create', { ttl: '60s', renewable: true })).body
      assert.partialDeepStrictEqual(auth, { lease_duration: 60, renewable: true })
      const bearer = { address: target.address, token: auth.client_token }
      const { data } = (await operate(bearer, 'GET', 'auth/token/lookup-self')).body
      assert.ok(data.renewable && data.ttl > 50 && data.ttl <= 60)
      const renewed = await operate(bearer, 'POST', 'auth/token/renew-self', {})
      assert.partialDeepStrictEqual(renewed.body.auth, { lease_duration: 60, renewable: true })
      assert.equal((await operate(bearer, 'POST', 'auth/token/revoke-self', {})).status, 204)
      assertErrors(await operate(bearer, 'GET', `secret/data/${newPath()}`), 403, 'permission denied')
    })

    test('a token without an end has a time to live of 0 and is not renewable', async () => {
      const { data } = (await ask('GET', 'auth/token/lookup-self')).body
      assert.partialDeepStrictEqual(data, { ttl: 0, renewable: false })
      assertErrors(await ask('POST', 'auth/token/renew-self', {}), 400, 'lease is not renewable')
    })
  })
}

function assertErrors({ status, body }: RawReply, expected: number, ...texts: string[]): void {
  assert.deepEqual({ status, body }, { status: expected, body: { errors: texts } })
}
