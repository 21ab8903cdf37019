import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { Browser } from '../../src/verify/browser.ts'

let server: Server
let url: string
const seen: { path: string; method: string; cookie: string | undefined }[] = []

before(async () => {
  server = createServer((request, response) => {
    seen.push({ path: request.url ?? '', method: request.method ?? '', cookie: request.headers.cookie })
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
})
after(() => server.close())

function answer({ url: path = '' }: IncomingMessage, response: ServerResponse): void {
  if (path === '/set') response.setHeader('set-cookie', ['a=1; Path=/', 'deep=2; Path=/below; HttpOnly', 'own=3'])
  if (path === '/unset') response.setHeader('set-cookie', ['a=; Path=/; Max-Age=0'])
  if (path === '/expire') response.setHeader('set-cookie', ['a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
  const onwards: Record<string, string> = {
    '/set': '/below/page',
    '/loop': '/loop',
    '/first': '/second',
    '/second': '/end',
  }
  const location = onwards[path]
  response.writeHead(location ? 302 : 200, location ? { location } : {}).end(path)
}

test('cookies are kept, go where they belong, and go when they are taken back', async () => {
  const browser = new Browser(fetch)
  seen.splice(0)
  await browser.visit(`${url}/set`)
  await browser.visit(`${url}/belowish`)
  await browser.visit(`${url}/unset`)
  await browser.visit(`${url}/below`)
  await browser.visit(`${url}/set`)
  await browser.visit(`${url}/expire`)
  await browser.visit(`${url}/`)
  assert.deepEqual(
    seen.map(({ path, cookie }) => [path, cookie]),
    [
      ['/set', undefined],
      ['/below/page', 'a=1; deep=2; own=3'],
      ['/belowish', 'a=1; own=3'],
      ['/unset', 'a=1; own=3'],
      ['/below', 'deep=2; own=3'],
      ['/set', 'own=3'],
      ['/below/page', 'a=1; deep=2; own=3'],
      ['/expire', 'a=1; own=3'],
      ['/', 'own=3'],
    ],
  )
})

test('redirects are followed, remembered and turn a form into a GET; those that do not end are given up', async () => {
  const browser = new Browser(fetch)
  seen.splice(0)
  const { text, hops } = await browser.visit(`${url}/first`, { method: 'POST', body: 'x' })
  assert.equal(text, '/end')
  assert.deepEqual(
    hops.map(({ pathname }) => pathname),
    ['/first', '/second'],
  )
  assert.deepEqual(
    seen.map(({ method }) => method),
    ['POST', 'GET', 'GET'],
  )
  await assert.rejects(browser.visit(`${url}/loop`), { code: 'FAILED' })
})

test('another browser has none of it, and a server that is not there is told as such', async () => {
  const browser = new Browser(fetch)
  await browser.visit(`${url}/set`)
  seen.splice(0)
  await new Browser(fetch).visit(`${url}/`)
  assert.equal(seen[0]?.cookie, undefined)
  await assert.rejects(browser.visit('http://127.0.0.1:1/'), { code: 'UNREACHABLE' })
})
