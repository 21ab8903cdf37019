import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { KeyringView } from '../../src/client/keyring.ts'
import { Browser } from '../../src/verify/browser.ts'
import { logIn } from '../../src/verify/log-in.ts'
import { Place, type Up } from '../up.ts'

// One estate with users who are logged in: the tests build on each other, in this order.
let place: Place
let up: Up

before(async () => {
  place = await Place.find()
  up = place.up()
  await up.ready()
})

after(async () => {
  up.process.kill('SIGTERM')
  await up.exited
  place.remove()
})

async function session(): Promise<Browser> {
  const browser = new Browser(fetch)
  const { bff = '', user = assert.fail('no user') } = place.estate
  await logIn(browser, await browser.visit(`${bff}/auth/login?return_to=/`), user, new URL(bff))
  assert.equal(await statusOf(browser), 200)
  return browser
}

async function statusOf(browser: Browser): Promise<number> {
  return (await browser.send(new URL(`${place.estate.bff}/auth/session`))).status
}

async function breakGlass(incident: string, ...sessions: string[]): Promise<string> {
  const { keyrings } = JSON.parse((await place.rekey('status', '--json')).stdout) as { keyrings: KeyringView[] }
  const signing = keyrings.find(({ name }) => name === 'signing-es256')
  const kid = signing?.versions.find(({ state }) => state === 'active')?.id ?? ''
  const words = ['--kid', kid, '--incident', incident, '--reason', 'leaked', ...sessions]
  const { code, stdout, stderr } = await place.rekey('break-glass', ...words)
  assert.equal(code, 0, stderr)
  assert.equal((await place.rekey('break-glass', 'unfreeze', incident)).code, 0)
  return stdout + stderr
}

test('break-glass ends the sessions of the backend for frontend too, and tells how many', async () => {
  const browsers = [await session(), await session()]
  const text = await breakGlass('INC-1', '--revoke-all-before', 'now')
  assert.match(text, new RegExp(`2 sessions of the backend for frontend at ${place.estate.bff}`))
  for (const browser of browsers) assert.equal(await statusOf(browser), 401)
})

test('those of one client are those of the backend, where that is its client', async () => {
  const browser = await session()
  assert.match(await breakGlass('INC-2', '--revoke-client', 'bff'), /1 session of the backend for frontend/)
  assert.equal(await statusOf(browser), 401)
})

test('a signing key alone that is shut out ends nobody’s session, and users work on', async () => {
  const browser = await session()
  await breakGlass('INC-3')
  assert.equal(await statusOf(browser), 200)
})
