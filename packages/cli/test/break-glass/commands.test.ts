import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import type { IncidentDocument } from '../../src/break-glass/document.ts'
import { systemClock } from '../../src/clock.ts'
import { temporaryFolder } from '../folder.ts'
import { run } from '../shell.ts'

// An identity provider of somebody else: a file of keys that three acts of one script change.
const folder = temporaryFolder()
const keys = join(folder, 'keys.json')
const script = `
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
const { command, plan } = JSON.parse(readFileSync(0, 'utf8'))
if (command === 'promote' && existsSync('broken')) process.exit(1)
const state = JSON.parse(readFileSync('keys.json', 'utf8'))
const shown = () => Object.entries(state).map(([kid, state]) => ({ kid, keyring: 'realm', algorithm: 'ES256', state }))
const now = new Date().toISOString()
const acts = {
  inspect: () => ({
    provider: { issuer: 'https://login.example' },
    key: shown().filter(({ kid }) => kid === plan.kid).map((key) => ({ ...key, canSign: false }))[0],
    keys: shown(),
  }),
  promote: () => {
    Object.assign(state, { old: 'passive', next: 'active' })
    return { successors: [{ keyring: 'realm', kid: 'next', activatedAt: now, everywhereAt: now }], windowMs: 0, keys: shown() }
  },
  revoke: () => {
    state.old = 'disabled'
    return { revoked: [{ keyring: 'realm', kid: 'old', revokedAt: now }], keys: shown() }
  },
}
console.error('asked to ' + command)
console.log(JSON.stringify(acts[command]()))
writeFileSync('keys.json', JSON.stringify(state))
`
writeFileSync(keys, JSON.stringify({ old: 'active', next: 'passive' }))
writeFileSync(join(folder, 'act.mjs'), script)
const command = { run: [process.execPath, 'act.mjs'] }
const commands = { inspect: command, promote: command, revoke: command }
const file = join(folder, 'idp.json')
writeFileSync(file, JSON.stringify({ issuer: 'https://login.example', commands }), { mode: 0o600 })

const secret = 'r'.repeat(64)
const env = { REKEY_HOME: join(folder, 'home'), INTERNAL_JWKS_REFRESH_TOKEN: secret }
const rekey = (...words: string[]) => run(['break-glass', ...words, '--idp-commands', file], env, { now: systemClock })
const about = ['--kid', 'old', '--incident', 'INC-9', '--reason', 'drill']

test('an identity provider that commands steer is looked at without changing it', async () => {
  const { code, stdout, stderr } = await rekey(...about, '--dry-run')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /old \(ES256, active\) of realm/)
  assert.deepEqual(JSON.parse(readFileSync(keys, 'utf8')), { old: 'active', next: 'passive' })
})

test('its key is replaced and revoked by them; what no command does, and what was not tried, is said', async () => {
  const { code, stdout, stderr } = await rekey(...about, '--json')
  const found: IncidentDocument = JSON.parse(stdout)
  assert.deepEqual(JSON.parse(readFileSync(keys, 'utf8')), { old: 'disabled', next: 'active' })
  assert.deepEqual([code, found.contained, found.frozen], [1, false, false])
  assert.match(stderr, /promote: asked to promote/)
  assert.match(stderr, /NOT done: freezing administration: there is no command freeze/)
  assert.ok(found.open.some((text) => /nobody was seen to refuse the key: no API was named/.test(text)))
  assert.ok(found.evidence)
})

test('its incidents are kept in the home, and shown from there', async () => {
  const { stdout } = await rekey('list')
  assert.match(stdout, /INC-9 +old /)
  const shown = await rekey('show', 'INC-9')
  assert.match(shown.stdout, /^INC-9 is .*\n\nKey +old, revoked at /)
  assert.doesNotMatch(shown.stdout, /was seen to refuse it/)
})

test('every command that is told as the next one is about the same provider', async () => {
  const { stdout } = await rekey('show', 'INC-9')
  assert.ok(stdout.includes(`\n  rekey break-glass check INC-9 --idp-commands ${file}\n`), stdout)
})

for (const isNamed of [false, true]) {
  const incident = isNamed ? 'INC-11' : 'INC-10'
  const what = isNamed ? 'is sent to an API that is named' : 'is not sent to an API that only the stored plan names'
  test(`the secret of the internal endpoints ${what} where an incident is gone on with`, async () => {
    const api = await listeningApi()
    writeFileSync(keys, JSON.stringify({ old: 'active', next: 'passive' }))
    writeFileSync(join(folder, 'broken'), '')
    const words = ['--kid', 'old', '--incident', incident, '--reason', 'drill', '--prove-for', '0s', '--api', api.url]
    const begun = await rekey(...words)
    assert.equal(begun.code, 1)
    assert.ok(begun.stderr.includes(`rekey break-glass resume ${incident} --idp-commands ${file}`), begun.stderr)
    rmSync(join(folder, 'broken'))
    api.heard.length = 0
    const { code, stderr } = await rekey('resume', incident, ...(isNamed ? ['--api', `${api.url}/`] : []))
    await api.close()
    assert.equal(code, 1, stderr)
    assert.equal(api.heard.includes(`Bearer ${secret}`), isNamed)
  })
}

/** An API that refuses everything, and keeps what it was sent as the authorization. */
async function listeningApi() {
  const heard: (string | undefined)[] = []
  const server = createServer((request, response) => {
    heard.push(request.headers.authorization)
    response.writeHead(401).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    heard,
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}
