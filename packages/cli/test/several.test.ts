import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Browser } from '../src/verify/browser.ts'
import { logIn } from '../src/verify/log-in.ts'
import { Place, type Up } from './up.ts'

// One estate with two instances of the IdP and of the BFF, and APIs that allow ES256 alone: the tests build on each other, in this order.
let place: Place
let up: Up

before(async () => {
  place = await Place.find()
  place.more = { REKEY_ALGORITHMS: 'ES256' }
  up = place.up('--idps', '2', '--bffs', '2')
  await up.ready()
})

after(async () => {
  up.process.kill('SIGTERM')
  await up.exited
  place.remove()
})

test('both instances are ready, are listed, and are one issuer', async () => {
  const { idp, idps = [] } = place.estate
  assert.deepEqual(idps, [`http://localhost:${place.base + 2}`, `http://localhost:${place.base + 3}`])
  assert.match(up.output, new RegExp(`IdP +${idps[0]} +${idps[1]}`))
  for (const url of idps) {
    assert.equal((await fetch(`${url}/readyz`)).status, 200)
    const metadata = await (await fetch(`${url}/.well-known/openid-configuration`)).json()
    assert.equal((metadata as { issuer: string }).issuer, idp)
  }
  assert.deepEqual(await addresses(undefined), idps)
  assert.deepEqual(await addresses('bff'), place.estate.bffs?.toSorted())
})

test('both instances of the backend for frontend are one client, and a session of either is one of both', async () => {
  const { bff = '', bffs = [], user = assert.fail('no user') } = place.estate
  assert.deepEqual(bffs, [`http://localhost:${place.base}`, `http://localhost:${place.base + 10}`])
  assert.equal(bff, bffs[0])
  assert.equal((await place.rekey('verify')).code, 0)
  const browser = new Browser(fetch)
  await logIn(browser, await browser.visit(`${bff}/auth/login?return_to=/`), user, new URL(bff))
  const session = async (url: string) => (await browser.send(new URL(`${url}/auth/session`))).status
  process.kill(pidOf('bff'), 'SIGKILL')
  assert.equal(await session(bffs[1] ?? ''), 200)
  await until(async () => (await session(bff)) === 200)
  assert.equal((await place.rekey('rotate', 'session', '--watch')).code, 0)
  for (const url of bffs) assert.equal(await session(url), 200)
})

test('the audit of the backend for frontend is verified, proven and exported, apart from that of the IdP', async () => {
  const verdicts = { idp: await document('audit', 'verify'), bff: await document('audit', 'verify', '--bff') }
  assert.deepEqual([verdicts.idp.verified, verdicts.bff.verified], [true, true])
  const { signer } = verdicts.bff
  assert.notEqual(signer, verdicts.idp.signer)
  const [event] = (await document('audit', 'list', '--bff', '--action', 'keyring.rotation_requested')).events
  assert.equal(event.details.keyring, 'session')
  await until(async () => (await place.rekey('audit', 'proof', event.id, '--bff', '--signer', signer)).code === 0)
  const file = place.path('audit-of-the-backend')
  assert.equal((await place.rekey('audit', 'export', file, '--bff')).code, 0)
  const known = ['--signer', signer, '--checkpoints', place.path('bff/audit-checkpoints')]
  assert.equal((await place.rekey('audit', 'verify', file, ...known)).code, 0)
  writeFileSync(file, readFileSync(file, 'utf8').replace('"keyring":"session"', '"keyring":"csrf"'))
  assert.equal((await place.rekey('audit', 'verify', file, ...known)).code, 1)
  assert.equal((await document('status')).bffAudit.integrity, true)
})

test('a new root key of the backend for frontend is taken by both of its instances, and the IdP keeps its own', async () => {
  const before = (await document('root-key', 'list')).keys
  const [old] = (await document('root-key', 'list', '--bff')).keys
  const { keys } = await document('root-key', 'add', '--bff')
  assert.deepEqual(
    keys.map(({ sealing, heldByAll }: { sealing: boolean; heldByAll: boolean }) => [sealing, heldByAll]),
    [
      [true, true],
      [false, true],
    ],
  )
  assert.equal(keys[1].id, old.id)
  const { code, stderr } = await place.rekey('root-key', 'remove-old', '--bff')
  assert.equal(code, 4, 'its keyrings have secrets under the old one')
  assert.match(stderr, new RegExp(`${old.id} has sealed \\d+`))
  assert.deepEqual(
    (await document('root-key', 'list')).keys.map(({ id }: { id: string }) => id),
    before.map(({ id }: { id: string }) => id),
  )
})

test('either instance dies under load and comes back, and no request fails', async () => {
  const endLoad = await place.load(50)
  for (const [index, name] of ['idp', 'idp-2'].entries()) {
    const old = pidOf(name)
    process.kill(old, 'SIGKILL')
    const { code, stderr } = await place.rekey('rotate', 'signing-es256', '--watch', '--json')
    assert.equal(code, 0, stderr)
    await until(async () => (await fetch(`${place.estate.idps?.[index]}/readyz`)).ok)
    await until(async () => (await addresses(undefined)).length === 2)
    assert.match(up.output, new RegExp(`^${name} killed by SIGKILL; it is started again`, 'm'))
    assert.notEqual(pidOf(name), old)
  }
  const { code, stdout, stderr } = await endLoad()
  const { failures, kids, retries } = JSON.parse(stdout)
  assert.deepEqual([code, failures, kids.length], [0, {}, 3], stderr)
  assert.ok(retries > 0)
})

test('the CLI finds the instance that is there', async () => {
  const elsewhere = await Place.find()
  const gone = 'http://127.0.0.1:1'
  const { idps = [] } = place.estate
  mkdirSync(elsewhere.path('.'))
  writeFileSync(elsewhere.path('estate.json'), JSON.stringify({ ...place.estate, idp: gone, idps: [gone, ...idps] }))
  for (const words of [
    ['status'],
    ['token'],
    ['rotate', 'signing-rs256'],
    ['load', '--rate', '20', '--seconds', '1'],
  ]) {
    const { code, stderr } = await elsewhere.rekey(...words)
    assert.equal(code, 0, stderr)
  }
  writeFileSync(elsewhere.path('estate.json'), JSON.stringify({ ...place.estate, idp: gone, idps: [gone] }))
  assert.equal((await elsewhere.rekey('status')).code, 3)
  elsewhere.remove()
})

test('verifiers that do not allow an algorithm refuse the move to it, unless it is forced', async () => {
  const refused = await place.rekey('issue-with', 'signing-rs256', '--json')
  assert.equal(refused.code, 4, refused.stderr)
  const { code, details } = JSON.parse(refused.stdout)
  const verifiers = [1, 2].map((index) => `api-${index}/${place.base + 80 + index}`)
  assert.deepEqual([code, details.verifiers], ['ALGORITHM_UNSUPPORTED', verifiers])

  const forced = await place.rekey('issue-with', 'signing-rs256', '--force', '--reason', 'exercise', '--json')
  assert.equal(forced.code, 0, forced.stderr)
  assert.equal(JSON.parse(forced.stdout).algorithm, 'RS256')
  const told = await status()
  assert.equal(told.issuance.keyring, 'signing-rs256')
  const named = told.attention.filter(({ what }) => what.includes('does not allow RS256'))
  assert.deepEqual(
    named.map(({ command }) => command),
    ['rekey issue-with signing-es256', 'rekey issue-with signing-es256'],
  )
  assert.equal(await helloWithNewToken(), 401)

  assert.equal((await place.rekey('issue-with', 'signing-es256')).code, 0)
  assert.equal(await helloWithNewToken(), 200)
})

test('a verifier that is forgotten is back with its next renewal', async () => {
  const id = `api-1/${place.base + 81}`
  assert.equal((await place.rekey('verifier', 'forget', id)).code, 0)
  await until(async () => (await status()).verifiers.some((verifier) => verifier.id === id && verifier.live))
  const unknown = await place.rekey('verifier', 'forget', 'api-9/1', '--json')
  assert.deepEqual([unknown.code, JSON.parse(unknown.stdout).code], [1, 'UNKNOWN_VERIFIER'])
})

test('a verifier that is created may read the feed, and its name is taken then', async () => {
  const { clientId, clientSecret } = JSON.parse((await place.rekey('verifier', 'create', 'billing', '--json')).stdout)
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const feed = await fetch(`${place.estate.idp}/trust/feed`, { headers: { authorization } })
  assert.equal(feed.status, 200)
  await feed.body?.cancel()
  assert.equal((await place.rekey('verifier', 'create', 'billing')).code, 4)
})

test('all of it stops within 3 s', async () => {
  const start = performance.now()
  up.signalGroup('SIGINT')
  assert.deepEqual(await up.exited, { code: 0, signal: null })
  assert.ok(performance.now() - start < 3000)
  assert.deepEqual(await place.takenPorts(), [])
})

interface Told {
  issuance: { keyring: string }
  instances: { address: string; of?: 'bff' }[]
  verifiers: { id: string; live: boolean }[]
  attention: { what: string; command: string | null }[]
}

function status(): Promise<Told> {
  return document('status')
}

/** What a command prints. */
// biome-ignore lint/suspicious/noExplicitAny: documents are looked at member by member in the tests
async function document(...words: string[]): Promise<any> {
  const { code, stdout, stderr } = await place.rekey(...words, '--json')
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

/** Of the instances that status shows of the IdP, or of the backend for frontend. */
async function addresses(whose: 'bff' | undefined): Promise<string[]> {
  const { instances } = await status()
  return instances
    .filter(({ of }) => of === whose)
    .map(({ address }) => address)
    .sort()
}

async function helloWithNewToken(): Promise<number> {
  const authorization = `Bearer ${(await place.rekey('token')).stdout.trim()}`
  return (await fetch(`${place.estate.apis[0]}/hello`, { headers: { authorization } })).status
}

/** The process of an instance, by the port that it was told. */
function pidOf(name: string): number {
  const port = place.base + ({ bff: 0, idp: 2 }[name] ?? 3)
  const lock = JSON.parse(readFileSync(place.path('up.lock'), 'utf8')) as { children: { pid: number }[] }
  const found = lock.children.findLast(({ pid }) => {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`REKEY_PORT=${port}`)
  })
  assert.ok(found, `${name} runs no more`)
  return found.pid
}

/** Looks again and again for something that no event tells of. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 150; looks += 1) {
    if (await isTrue().catch(() => false)) return
    await delay(100)
  }
  assert.fail(`it did not come true:\n${up.output}`)
}
