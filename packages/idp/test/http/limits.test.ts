import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { requestLimits } from '../../src/http/limits.ts'
import { IdpError } from '../../src/index.ts'
import { admin, agent, apiProcess, basic, type Estate, reader, startEstate, type TestInstance } from '../estate.ts'

const limit = { most: 2, withinMs: 10_000 }

function withClock() {
  const time = { now: 1_000_000 }
  const limits = requestLimits({ failedAuthentications: limit, administration: limit, logins: limit }, () => time.now)
  const failed = (address: string) => waitOf(() => limits.failed(address)) !== 0
  return { time, limits, failed }
}

function waitOf(act: () => void): unknown {
  try {
    act()
    return 0
  } catch (error) {
    assert.ok(error instanceof IdpError)
    assert.equal(error.code, 'RATE_LIMITED')
    return error.facts?.retryAfterSeconds
  }
}

describe('a limit', () => {
  test('lets through as many as it says, and as many again when its window is over', () => {
    const { failed: failedFrom, time } = withClock()
    const failed = () => failedFrom('192.0.2.1')
    assert.deepEqual([failed(), failed(), failed()], [false, false, true])
    time.now += limit.withinMs - 1
    assert.equal(failed(), true)
    time.now += 1
    assert.deepEqual([failed(), failed(), failed()], [false, false, true])
  })

  test('says how long to wait, which grows less', () => {
    const { limits, time } = withClock()
    const wait = () => waitOf(() => limits.administration('a'))
    assert.deepEqual([wait(), wait(), wait()], [0, 0, 10])
    time.now += 9_500
    assert.equal(wait(), 1)
    assert.equal(
      waitOf(() => limits.administration('b')),
      0,
    )
  })

  test('holds nobody for longer because the clock was set back', () => {
    const { failed, time } = withClock()
    failed('192.0.2.2')
    time.now += 3_600_000
    for (const _ of [1, 2, 3]) failed('192.0.2.1')
    time.now -= 3_600_000
    assert.equal(failed('192.0.2.1'), false)
  })

  test('counts all that is no address as one', () => {
    const { failed } = withClock()
    assert.deepEqual(['a', 'b'.repeat(10_000), `fe80::1%${'c'.repeat(10_000)}`].map(failed), [false, false, true])
    assert.equal(failed('192.0.2.1'), false)
  })

  test('counts a whole IPv6 network of 64 bits as one, and an IPv4 address the same however it is written', () => {
    const one = (...addresses: string[]) => {
      const { failed } = withClock()
      return addresses.map(failed).at(-1)
    }
    assert.equal(one('2001:db8:0:1::1', '2001:db8:0:1:ffff::', '2001:db8:0:1:2:3:4:5'), true)
    assert.equal(one('2001:db8::1', '2001:db8::2:3', '2001:db8::'), true)
    assert.equal(one('2001:db8:0:1::1', '2001:db8:0:2::1', '2001:db8:0:3::1'), false)
    assert.equal(one('192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1'), true)
    assert.equal(one('192.0.2.1', '192.0.2.2', '192.0.2.3'), false)
  })

  test('forgets whoever began first when too many are counted', () => {
    const { failed } = withClock()
    for (const _ of [1, 2, 3]) failed('192.0.2.1')
    for (let other = 0; other < 100_000; other += 1) failed(`10.${other >> 16}.${(other >> 8) & 255}.${other & 255}`)
    assert.equal(failed('192.0.2.1'), false)
  })
})

describe('administration', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance({ REKEY_ADMINISTRATION_LIMIT: '3/1h', REKEY_FAILED_AUTHENTICATION_LIMIT: '3/1h' })
  })
  after(() => estate.stop())

  const wrong = { ...agent, clientSecret: `sk_live_${'0'.repeat(64)}` }

  test('is limited for each client, and Retry-After says until when', async () => {
    const [bearer, other] = [await idp.management(admin), await idp.management(reader)]
    const list = (token: string) => idp.manage('GET', '/api/v1/keyrings', undefined, token)
    const replies = [await list(bearer), await list(bearer), await list(bearer), await list(bearer)]
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200, 200, 429],
    )
    const refused = replies.at(-1)
    assert.equal(refused?.body.code, 'RATE_LIMITED')
    assert.equal(refused.headers.get('retry-after'), String(refused.body.details.retryAfterSeconds))
    assert.ok(refused.body.details.retryAfterSeconds > 3_500)
    assert.equal((await list(other)).status, 200)
    assert.equal((await idp.token(admin)).status, 200)
    await idp.idp.instance.gathered.flush()
    const events = await estate.db.selectFrom('audit_events').select('details').where('actor', '=', 'admin-1').execute()
    assert.ok(events.some(({ details }) => details.cause === 'RATE_LIMITED'))
  })

  test('by wrong secrets and tokens is limited for each address, and what is good passes from there all the same', async () => {
    const other = await estate.instance({ REKEY_ISSUER: idp.url, REKEY_FAILED_AUTHENTICATION_LIMIT: '3/1h' })
    const statuses: number[] = []
    for (let tries = 0; tries < 5; tries += 1) statuses.push((await other.token(wrong)).status)
    assert.deepEqual(statuses, [401, 401, 401, 429, 429])
    const refused = await other.token({ ...wrong, clientId: 'nobody' })
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers.get('retry-after')) > 3_500)
    const forged = await other.manage('GET', '/api/v1/keyrings', undefined, 'rkt_forged')
    assert.deepEqual([forged.status, forged.body.code], [429, 'RATE_LIMITED'])
    const feed = await other.call('/trust/feed', { headers: { authorization: basic(wrong) } })
    assert.equal(feed.status, 429)
    assert.equal((await other.token(agent)).status, 200)
    await apiProcess(other, { instance: 'one' }).catchUp()
    assert.equal((await other.manage('GET', '/api/v1/keyrings')).status, 200)
    await other.close()
  })

  describe('behind a proxy', () => {
    const from = (address: string, of: TestInstance) => {
      const headers = { authorization: 'Bearer rkt_forged', 'x-forwarded-for': address }
      return of.call('/api/v1/keyrings', { headers })
    }
    const severalFrom = async (addresses: string[], of: TestInstance) => {
      const statuses: number[] = []
      for (const address of addresses) statuses.push((await from(address, of)).status)
      return statuses
    }
    const strict = { REKEY_FAILED_AUTHENTICATION_LIMIT: '1/1h' }

    test('that is trusted, each address behind it is counted, as far as the trusted ones tell it', async () => {
      const trusted = { REKEY_TRUSTED_PROXIES: '127.0.0.0/8,::1', REKEY_ISSUER: idp.url, ...strict }
      const behind = await estate.instance(trusted)
      assert.deepEqual(await severalFrom(['192.0.2.1', '192.0.2.1', '192.0.2.2'], behind), [401, 429, 401])
      assert.deepEqual(await severalFrom(['198.51.100.7, 192.0.2.9', '198.51.100.8, 192.0.2.9'], behind), [401, 429])
      assert.equal(behind.lines.join('').includes('believes everybody'), false)
      await behind.close()
    })

    test('that is not trusted, what it says changes nothing', async () => {
      const alone = await estate.instance({ REKEY_ISSUER: idp.url, ...strict })
      assert.deepEqual(await severalFrom(['192.0.2.1', '192.0.2.2'], alone), [401, 429])
      await alone.close()
    })

    test('that may be anybody, the log warns', async () => {
      const open = await estate.instance({ REKEY_TRUSTED_PROXIES: '0.0.0.0/0', REKEY_ISSUER: idp.url, ...strict })
      assert.match(open.lines.join(''), /REKEY_TRUSTED_PROXIES believes everybody/)
      assert.deepEqual(await severalFrom(['192.0.2.1', '192.0.2.1', '192.0.2.2, 203.0.113.5'], open), [401, 429, 401])
      await open.close()
    })
  })
})
