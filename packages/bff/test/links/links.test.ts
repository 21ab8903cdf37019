import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { pruneLinks } from '../../src/links/prune.ts'
import { startEstate } from '../sessions/estate.ts'

async function setUp(t: Parameters<typeof startEstate>[0]) {
  const estate = await startEstate(t)
  const replicas = [await estate.replica(), await estate.replica()] as const
  const { origin } = replicas[0]
  async function issue(body: Record<string, unknown>) {
    const reply = await fetch(`${origin}/internal/links`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: reply.status, headers: reply.headers, body: (await reply.json()) as Record<string, string> }
  }
  const follow = (url: string, at = origin, init: RequestInit = {}) => {
    const { pathname, search } = new URL(url, origin)
    return fetch(`${at}${pathname}${search}`, init)
  }
  return { estate, replicas, issue, follow, origin }
}

test('a link is good once, for whom it was made', { timeout: 60_000 }, async (t) => {
  const { estate, issue, follow, origin } = await setUp(t)
  const { status, headers, body } = await issue({ path: '/invitations/42?lang=en', sub: 'ada', claims: { team: 'x' } })
  assert.equal(status, 201)
  assert.equal(headers.get('cache-control'), 'no-store')
  const url = new URL(body.url ?? '')
  assert.equal(url.origin, estate.publicUrl)
  assert.equal(url.pathname, '/invitations/42')
  assert.match(url.search, /^\?lang=en&token=[\w-]{43}$/)
  assert.ok(Date.parse(body.expires_at ?? '') > Date.now() + 800_000)

  const head = await follow(url.href, origin, { method: 'HEAD' })
  assert.equal(head.status, 401)
  const first = await follow(url.href)
  assert.equal(first.status, 200)
  assert.equal(first.headers.get('referrer-policy'), 'no-referrer')
  assert.deepEqual(await first.json(), {
    url: '/invitations/42?lang=en',
    query: { lang: 'en' },
    sub: 'ada',
    claims: { team: 'x' },
  })
  const second = await follow(url.href)
  assert.equal(second.status, 401)
  assert.equal(((await second.json()) as { code: string }).code, 'LINK_REFUSED')
  assert.equal((await estate.events('link.issued'))[0]?.sub, 'ada')
  assert.equal((await estate.events('link.used'))[0]?.actor, 'ada')
})

test('of those who use a link at once, at several instances, one gets through', { timeout: 60_000 }, async (t) => {
  const { issue, follow, replicas } = await setUp(t)
  for (let n = 0; n < 5; n++) {
    const { body } = await issue({ path: '/invitations' })
    const asked = Array.from({ length: 8 }, (_, at) => follow(`${body.url}`, replicas[at % 2]?.origin))
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    assert.deepEqual(statuses.toSorted(), [200, 401, 401, 401, 401, 401, 401, 401])
  }
})

test('a link is good for its path and what lies below it, and is not used up elsewhere', {
  timeout: 60_000,
}, async (t) => {
  const { issue, follow } = await setUp(t)
  const { body } = await issue({ path: '/invitations/42' })
  const query = new URL(body.url ?? '').search
  const elsewhere = [
    '/invitations/4',
    '/invitations/421',
    '/invitations',
    '/other',
    '/invitations/42/%2e%2e/43',
    '/invitations/42/..%2f43',
    '/invitations/42%2f..%2f..%2fother',
    '/invitations/42/%252e%252e/43',
  ]
  for (const path of elsewhere) assert.equal((await follow(`${path}${query}`)).status, 401, path)
  assert.equal((await follow(`/invitations/42/accept${query}`)).status, 200)
})

test('a token is refused when it is over, missing, doubled, or made up', { timeout: 60_000 }, async (t) => {
  const { estate, issue, follow } = await setUp(t)
  const { body } = await issue({ path: '/invitations', ttl: '1s' })
  await sql`UPDATE links SET expires_at = now()`.execute(estate.control.db)
  assert.equal((await follow(body.url ?? '')).status, 401)
  await pruneLinks(estate.control.db)
  assert.deepEqual(await estate.control.db.selectFrom('links').selectAll().execute(), [])
  const { body: good } = await issue({ path: '/invitations' })
  const token = new URL(good.url ?? '').searchParams.get('token') ?? ''
  for (const query of ['', '?token=', '?token=x', `?token=${token}&token=${token}`, `?token=x&%74oken=${token}`]) {
    assert.equal((await follow(`/invitations${query}`)).status, 401, query)
  }
  assert.equal((await follow(`/invitations?%74oken=${token}`)).status, 200)
})

test('neither the database nor a log holds a token', { timeout: 60_000 }, async (t) => {
  const { estate, issue, follow, replicas } = await setUp(t)
  const { body } = await issue({ path: '/invitations' })
  const token = new URL(body.url ?? '').searchParams.get('token') ?? ''
  await follow(body.url ?? '')
  await follow(body.url ?? '')
  const rows = await estate.control.db.selectFrom('links').selectAll().execute()
  const events = await estate.control.db.selectFrom('audit_events').selectAll().execute()
  const lines = replicas.flatMap((replica) => replica.lines)
  assert.ok(lines.some((line) => line.includes('LINK_REFUSED')))
  assert.ok(!JSON.stringify([rows, events, lines]).includes(token))
})

test('a link leads nowhere else', { timeout: 60_000 }, async (t) => {
  const { issue } = await setUp(t)
  for (const path of [
    '//evil.example',
    'https://evil.example',
    '/\\evil',
    'x',
    '/a/../b',
    '/%2e%2e/b',
    '/auth/login',
    '',
  ]) {
    const { status, body } = await issue({ path })
    assert.equal(status, 400, path)
    assert.equal(body.code, 'INVALID_REQUEST', path)
  }
  const tooMuch = { path: '/a', claims: { note: 'ü'.repeat(2_048) } }
  for (const wrong of [{}, { path: '/a', ttl: '25h' }, { path: '/a', ttl: '0s' }, { path: '/a', more: 1 }, tooMuch]) {
    assert.equal((await issue(wrong)).status, 400, JSON.stringify(wrong))
  }
})
