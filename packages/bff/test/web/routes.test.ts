import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { newApp } from '@rekey/service'
import { pino } from 'pino'
import { refusalOf, sendRefusal } from '../../src/http/errors.ts'
import { securityHeaders } from '../../src/web/headers.ts'
import { webRoutes } from '../../src/web/routes.ts'
import { ask } from '../proxy/estate.ts'

const page = '<!doctype html><title>app</title>'

async function makeFolder(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'rekey-web-'))
  t.after(() => rm(home, { recursive: true }))
  const folder = join(home, 'dist')
  await mkdir(join(folder, 'assets'), { recursive: true })
  await writeFile(join(home, 'secret.txt'), 'secret')
  await writeFile(join(folder, 'index.html'), page)
  await writeFile(join(folder, 'my-component.js'), 'plain()')
  await writeFile(join(folder, 'assets/index-B3kd9_xA.js'), 'hashed()')
  await writeFile(join(folder, 'assets/my-component.js'), 'plain()')
  await writeFile(join(folder, 'über uns.txt'), 'we')
  await writeFile(join(folder, '.env'), 'SECRET=1')
  return folder
}

async function serve(
  t: TestContext,
  folder: string | undefined,
  { trustedProxies = [] as string[], hstsMaxAgeMs = 60_000 } = {},
) {
  const app = newApp({
    trustedProxies,
    log: pino({ level: 'silent' }),
    refusalOf,
    refused: () => undefined,
    send: sendRefusal,
  })
  const bff = { config: { web: { folder, hstsMaxAgeMs } }, provider: { issuer: 'https://idp.example/realm' } }
  securityHeaders(app, bff)
  app.get('/auth/session', async () => ({ authenticated: true }))
  await webRoutes(app, bff)
  t.after(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

const navigation = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } }

describe('an application that is served', () => {
  it('is its page wherever the browser navigates to, and its files', async (t) => {
    const url = await serve(t, await makeFolder(t))
    for (const path of ['/', '/orders/7', '/orders?a=b', '/missing.html']) {
      const { status, headers, body } = await ask(url, path, navigation)
      assert.deepEqual([status, headers['content-type'], body], [200, 'text/html; charset=utf-8', page], path)
    }
    assert.equal((await ask(url, '/')).body, page, 'its own address is its page, whoever asks')
    const script = await ask(url, '/assets/index-B3kd9_xA.js')
    assert.deepEqual([script.status, script.body], [200, 'hashed()'])
    assert.match(String(script.headers['content-type']), /^(text|application)\/javascript/)
    assert.equal((await ask(url, '/%C3%BCber%20uns.txt')).body, 'we')
    const head = await ask(url, '/', { method: 'HEAD', ...navigation })
    assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, String(page.length), ''])
  })

  it('is sent whole, whichever part of it is asked for', async (t) => {
    const url = await serve(t, await makeFolder(t))
    for (const range of ['bytes=0-1', 'bytes=9999-', 'bytes=x']) {
      const { status, body } = await ask(url, '/', { headers: { range } })
      assert.deepEqual([status, body], [200, page], range)
    }
  })

  it('hides no API behind its page', async (t) => {
    const url = await serve(t, await makeFolder(t))
    for (const path of ['/auth/other', '/api/x', '/internal/keyrings', '/.well-known/x', '/metrics', '/api']) {
      const { status, body } = await ask(url, path, navigation)
      assert.deepEqual([status, JSON.parse(body).code], [404, 'NOT_FOUND'], path)
    }
    assert.equal((await ask(url, '/auth/session', navigation)).body, '{"authenticated":true}')
    assert.equal((await ask(url, '/assets/missing.js')).status, 404)
    assert.equal((await ask(url, '/missing', { headers: { accept: 'application/json' } })).status, 404)
  })

  it('is cached for ever where the content is in the name, and asked about each time elsewhere', async (t) => {
    const url = await serve(t, await makeFolder(t))
    const control = async (path: string) => (await ask(url, path, navigation)).headers['cache-control']
    assert.equal(await control('/assets/index-B3kd9_xA.js'), 'public, max-age=31536000, immutable')
    for (const path of ['/', '/index.html', '/orders/7', '/my-component.js', '/assets/my-component.js']) {
      assert.equal(await control(path), 'no-cache', path)
    }
    const { etag = '' } = (await ask(url, '/', navigation)).headers
    assert.equal((await ask(url, '/', { headers: { ...navigation.headers, 'if-none-match': etag } })).status, 304)
  })

  it('lets nothing out that is not meant for the browser', async (t) => {
    const folder = await makeFolder(t)
    const url = await serve(t, folder)
    const paths = [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/..%2fsecret.txt',
      '/assets/../../secret.txt',
      '/..%5csecret.txt',
      '/%00',
      '//secret.txt',
    ]
    for (const path of paths) assert.equal((await ask(url, path, navigation)).status, 400, path)
    for (const path of ['/.env', '/assets', '/assets/']) assert.equal((await ask(url, path)).status, 404, path)
    assert.equal((await ask(url, '/.env', navigation)).body, page)
    assert.equal((await ask(url, `/${'x'.repeat(300)}`)).status, 404)
  })

  it('may be a folder of links, as Kubernetes mounts it', async (t) => {
    const folder = await makeFolder(t)
    await mkdir(join(folder, '..data'))
    await writeFile(join(folder, '..data/config.json'), '{}')
    await symlink('..data/config.json', join(folder, 'config.json'))
    const url = await serve(t, folder)
    assert.equal((await ask(url, '/config.json')).body, '{}')
    assert.equal((await ask(url, '/..data/config.json')).status, 404)
  })

  it('runs nothing but what comes from here, and in no frame', async (t) => {
    const url = await serve(t, await makeFolder(t))
    const { headers } = await ask(url, '/', navigation)
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /default-src 'self';.*form-action 'self' https:\/\/idp\.example;.*frame-ancestors 'none'/)
    assert.doesNotMatch(policy, /unsafe|\*/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'same-origin')
    assert.equal(headers['x-frame-options'], 'DENY')
  })

  it('is none without a folder, and a mistake without a page', async (t) => {
    const folder = await makeFolder(t)
    const url = await serve(t, undefined)
    assert.equal((await ask(url, '/', navigation)).status, 404)
    await assert.rejects(serve(t, join(folder, 'assets')), { code: 'CONFIG_INVALID' })
    await assert.rejects(serve(t, join(folder, 'index.html')), { code: 'CONFIG_INVALID' })
  })
})

describe('https', () => {
  it('is demanded of browsers that came by it, on the word of trusted proxies only', async (t) => {
    const told = async (url: string) =>
      (await ask(url, '/auth/session', { headers: { 'x-forwarded-proto': 'https' } })).headers[
        'strict-transport-security'
      ]
    assert.equal(await told(await serve(t, undefined, { trustedProxies: ['127.0.0.1'] })), 'max-age=60')
    assert.equal(await told(await serve(t, undefined, { trustedProxies: ['10.0.0.0/8'] })), undefined)
    assert.equal(await told(await serve(t, undefined)), undefined)
    assert.equal(await told(await serve(t, undefined, { trustedProxies: ['127.0.0.1'], hstsMaxAgeMs: 0 })), undefined)
    const plain = await serve(t, undefined, { trustedProxies: ['127.0.0.1'] })
    assert.equal((await ask(plain, '/auth/session')).headers['strict-transport-security'], undefined)
  })

  it('or not, replies that are no pages stand in no frame and are what they say', async (t) => {
    const { headers } = await ask(await serve(t, undefined), '/auth/session')
    assert.equal(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'")
    assert.equal(headers['x-content-type-options'], 'nosniff')
  })
})
