import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import type { IncidentDocument } from '../../src/break-glass/document.ts'
import type { KeyringView } from '../../src/client/keyring.ts'
import { Place, type Up } from '../up.ts'
import { cachingApi } from './caching-api.ts'
import { cutApi, said } from './cut-api.ts'

// One estate with two instances of the IdP and two APIs on the feed, and the incidents that it goes through: the tests build
// on each other, in this order.
let place: Place
let up: Up

before(async () => {
  place = await Place.find()
  place.more = { INTERNAL_JWKS_REFRESH_TOKEN: 'r'.repeat(64) }
  up = place.up('--idps', '2')
  await up.ready()
})

after(async () => {
  if (up.process.exitCode === null && up.process.signalCode === null) {
    up.process.kill('SIGTERM')
    await up.exited
  }
  place.remove()
})

const because = ['--reason', 'found in a bucket']

test('a dry run tells what would be done and which instances answer, and changes nothing', async () => {
  const kid = await activeKid()
  const { code, stdout, stderr } = await place.rekey('break-glass', ...about(kid, 'INC-1'), '--dry-run')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^Nothing was changed/)
  assert.match(stdout, new RegExp(`${kid} \\(ES256, active\\)`))
  for (const api of place.estate.apis) assert.match(stdout, new RegExp(`${api} +refuses a broken token with 401`))
  assert.deepEqual((await json('break-glass', 'list')).incidents, [])
  assert.equal(await activeKid(), kid)
})

test('a key that nobody knows stops it before anything is stored or frozen', async () => {
  const { code, stdout, stderr } = await place.rekey('break-glass', ...about('es256-none', 'INC-1'), '--json')
  assert.deepEqual([code, JSON.parse(stdout).code], [1, 'UNKNOWN_KID'])
  assert.match(stderr, /Known are: .*Nothing was changed/)
  assert.deepEqual((await json('break-glass', 'list')).incidents, [])
})

test('sessions of whoever carries it out are not ended: it would lock itself out', async () => {
  const words = [...about(await activeKid(), 'INC-1'), '--revoke-client', place.estate.admin.clientId]
  const { code, stdout } = await place.rekey('break-glass', ...words, '--json')
  assert.deepEqual([code, JSON.parse(stdout).code], [4, 'SELF_LOCK'])
  assert.deepEqual((await json('break-glass', 'list')).incidents, [])
})

test('one command shuts the key out everywhere, proves it and keeps the evidence', async () => {
  const [kid, old] = [await activeKid(), await token()]
  const { code, stdout, stderr } = await place.rekey('break-glass', ...about(kid, 'INC-1'), '--json')
  assert.equal(code, 0, stderr)
  const found: IncidentDocument = JSON.parse(stdout)
  assert.deepEqual([found.incident, found.kid, found.contained, found.frozen], ['INC-1', kid, true, true])
  assert.ok(found.steps.every(({ state }) => state === 'done'))
  assert.deepEqual(
    found.instances.map(({ url, oldRefused, freshAccepted, deniedRefused }) => [
      url,
      oldRefused,
      freshAccepted,
      deniedRefused,
    ]),
    place.estate.apis.map((url) => [url, true, true, true]),
  )
  assert.ok(found.evidence?.startsWith(place.path('evidence/INC-1-')))
  assert.equal(
    readFileSync(found.evidence ?? '')
      .subarray(0, 2)
      .toString(),
    'PK',
  )
  assert.match(stderr, /done: the compromised key is revoked: es256-/)
  for (const api of place.estate.apis) {
    assert.equal(await hello(api, old), 401)
    assert.equal(await hello(api, await token()), 200)
  }
  assert.doesNotMatch(stdout + stderr, /eyJ|rrrrrr|sk_live/)
  const { fingerprint } = await json('evidence', 'key')
  const verdict = await json('evidence', 'verify', found.evidence ?? '', '--signer', fingerprint)
  assert.deepEqual([verdict.consistent, verdict.signer], [true, 'known'])
})

test('administration that is frozen says by which incident, and which command ends that', async () => {
  for (const words of [
    ['rotate', 'signing-es256'],
    ['prepare', 'signing-es256'],
    ['agent', 'create', 'late'],
    ['verifier', 'create', 'late'],
    ['issue-with', 'signing-rs256'],
  ]) {
    const { code, stdout, stderr } = await place.rekey(...words, '--json')
    assert.deepEqual(
      [code, JSON.parse(stdout).code, JSON.parse(stdout).incident],
      [4, 'ADMINISTRATION_FROZEN', 'INC-1'],
    )
    assert.match(stderr, /"rekey break-glass unfreeze INC-1" ends that/)
  }
  const { attention } = await json('status')
  assert.deepEqual(
    attention.map(({ command }: { command: string }) => command),
    ['rekey break-glass unfreeze INC-1'],
  )
})

test('it is shown and proved again while administration is frozen, in the same form, with evidence of its own', async () => {
  const shown: IncidentDocument = await json('break-glass', 'show', 'INC-1')
  const checked: IncidentDocument = await json('break-glass', 'check', 'INC-1')
  assert.deepEqual(Object.keys(checked), Object.keys(shown))
  assert.deepEqual([shown.contained, checked.contained, checked.frozen], [true, true, true])
  assert.notEqual(checked.evidence, shown.evidence)
  const attempts = ({ steps }: IncidentDocument) => steps.map(({ name, attempts }) => `${name} ${attempts}`)
  assert.deepEqual(
    attempts(checked).filter((step) => step.endsWith('2')),
    ['verifiers 2', 'prove 2', 'changes 2', 'evidence 2'],
  )
})

test('to say the same again shows what came of it, and another key under its name is refused', async () => {
  const shown: IncidentDocument = await json('break-glass', 'show', 'INC-1')
  const again: IncidentDocument = await json('break-glass', ...about(shown.kid, 'INC-1'))
  assert.deepEqual([again.contained, again.instances], [true, shown.instances])
  const other = await place.rekey('break-glass', ...about(await activeKid(), 'INC-1'), '--json')
  assert.deepEqual([other.code, JSON.parse(other.stdout).code], [4, 'INCIDENT_DIFFERS'])
})

test('a named operator unfreezes administration, which works again', async () => {
  const words = ['break-glass', 'unfreeze', 'INC-1', '--operator', 'Ada Lovelace', '--reason', 'reviewed']
  const { frozen, unfrozenBy, frozenBy } = await json(...words)
  assert.deepEqual([frozen, unfrozenBy, frozenBy], [false, 'Ada Lovelace', []])
  assert.equal((await place.rekey('prepare', 'signing-es256')).code, 0)
  const { stdout } = await place.rekey('break-glass', 'list')
  assert.match(stdout, /INC-1 +es256-\S+ +\S+ \S+ +carried out\n$/)
})

test('two operators who begin the same incident at once do it together, once', async () => {
  const kid = await activeKid()
  const both = await Promise.all([1, 2].map(() => place.rekey('break-glass', ...about(kid, 'INC-2'), '--json')))
  for (const { code, stderr } of both) assert.equal(code, 0, stderr)
  const [one, other] = both.map(({ stdout }) => JSON.parse(stdout) as IncidentDocument)
  assert.deepEqual(one?.instances, other?.instances)
  const [steps = [], same] = [one, other].map((each) => each?.steps.filter(({ name }) => name !== 'evidence'))
  assert.deepEqual(steps, same)
  assert.deepEqual(new Set(steps.map(({ attempts }) => attempts)), new Set([1]))
  assert.notEqual(one?.evidence, other?.evidence)
  await json('break-glass', 'unfreeze', 'INC-2')
})

test('an instance that goes on accepting is found, named with its worst case, and ends with 1; mended, it is proved', async (context) => {
  const api = await cachingApi(place.estate.idp)
  context.after(() => api.close())
  const kid = await activeKid()
  await api.warm(await token())
  const words = [...about(kid, 'INC-3'), '--api', place.estate.apis[0] ?? '', '--prove-for', '1s']
  const named = [...words, '--api', `${api.url} library=jose`]
  const { code, stdout, stderr } = await place.rekey('break-glass', ...named)
  assert.equal(code, 1)
  assert.match(stdout, /^INC-3 is NOT contained/)
  assert.match(stdout, new RegExp(`${api.url} +ACCEPTED +accepted +not proved`))
  assert.match(stdout, /! http:.*at worst: jose keeps keys for 10 minutes/)
  assert.match(stdout, /rekey break-glass check INC-3/)
  assert.match(stderr, /NOT done: 1 of 2 API instances are proved/)
  const found = await place.rekey('break-glass', 'show', 'INC-3', '--json')
  const document: IncidentDocument = JSON.parse(found.stdout)
  assert.deepEqual([document.contained, document.instances[1]?.oldRefused], [false, false])
  assert.ok(existsSync(document.evidence ?? ''))
  api.restart()
  // It knows no deny-list; no session was to end, so that this is no more than to be known.
  const { contained, open, instances }: IncidentDocument = await json('break-glass', 'check', 'INC-3')
  assert.deepEqual([contained, open, instances[1]?.oldRefused], [true, [], true])
  await json('break-glass', 'unfreeze', 'INC-3')
})

for (const [incident, signal, code] of [
  ['INC-5', 'SIGINT', 1],
  ['INC-6', 'SIGKILL', null],
] as const) {
  test(`one that is ended by ${signal} is gone on with, and only proved again`, async () => {
    const api = await cutApi(place.estate.apis[0] ?? '')
    const words = [...about(await activeKid(), incident), '--api', api.url, '--prove-for', '10m', '--json']
    const run = place.start('break-glass', ...words)
    await said(run.process.stderr as NodeJS.ReadableStream, /refuses the old token.*waiting for/)
    run.process.kill(signal)
    const ended = await run.ended
    assert.equal(ended.code, code)
    // One that was killed is held to be at work for as long as its claim lasts.
    if (signal === 'SIGINT') {
      assert.match(ended.stderr, new RegExp(`rekey break-glass resume ${incident}`))
      const { attention } = await json('status')
      const commands = attention.map(({ command }: { command: string }) => command)
      assert.ok(commands.includes(`rekey break-glass resume ${incident}`), commands.join('\n'))
    }
    api.mend()
    const { contained, steps, evidence }: IncidentDocument = await json('break-glass', 'resume', incident)
    assert.deepEqual([contained, steps.every(({ state }) => state === 'done')], [true, true])
    const attempts = new Map(steps.map((step) => [step.name, step.attempts]))
    assert.deepEqual([attempts.get('promote'), attempts.get('revoke'), attempts.get('prove')], [1, 1, 2])
    assert.ok(evidence)
    api.close()
    await json('break-glass', 'unfreeze', incident)
  })
}

test('evidence goes where it is asked to, and never in place of what is there', async () => {
  const out = place.path('../mine.zip')
  assert.equal((await json('break-glass', 'check', 'INC-2', '--out', out)).evidence, out)
  const { code, stderr } = await place.rekey('break-glass', 'check', 'INC-2', '--out', out)
  assert.equal(code, 2)
  assert.match(stderr, /exists already/)
})

test('a store that may have leaked has its root key replaced, and every key that was in it revoked', async () => {
  const kid = await activeKid()
  const before = (await keyringsOf('signing-key')).flatMap(({ versions }) => versions.map(({ id }) => id))
  const roots = (await json('root-key', 'list')).keys
  const found = await json('break-glass', ...about(kid, 'INC-4'), '--suspect-store')
  assert.equal(found.contained, true)
  const { keys } = await json('root-key', 'list')
  assert.deepEqual([keys.length, keys[0].sealing, keys[1].id], [2, true, roots[0].id])
  const { keyrings } = await json('status')
  const revoked = keyrings.flatMap(({ versions }: KeyringView) => versions.filter(({ state }) => state === 'revoked'))
  const ids = revoked.map(({ id }: { id: string }) => id)
  for (const id of before) assert.ok(ids.includes(id), id)
  // That of the backend for frontend is another store, under another root key.
  const elsewhere = (await keyringsOf('sealing-key')).flatMap(({ versions }) => versions.map(({ id }) => id))
  assert.ok(elsewhere.length > 0 && !elsewhere.some((id) => ids.includes(id)))
  const again = await json('break-glass', ...about(kid, 'INC-4'), '--suspect-store')
  assert.equal(again.contained, true)
  assert.equal((await json('root-key', 'list')).keys.length, 2)
  assert.equal(readFileSync(place.path('root.key'), 'utf8').trim().split('\n').length, 2)
})

test('an old root key that sealed nothing any more is removed, and the estate starts with the new one', async () => {
  // The audit hangs on it until a newer one signed, and replies that are kept for a minute do.
  await eventually(
    () => json('root-key', 'list'),
    ({ keys }) => keys[1].sealed === 0,
  )
  const { removed } = await json('root-key', 'remove-old')
  assert.equal(removed.length, 1)
  up.process.kill('SIGTERM')
  await up.exited
  up = place.up('--idps', '2')
  await up.ready()
  assert.equal((await json('root-key', 'list')).keys.length, 1)
  assert.deepEqual((await json('break-glass', 'show', 'INC-4')).frozen, true)
  assert.equal((await place.rekey('rotate', 'signing-es256')).code, 4)
})

test('a new root key is added for the estate of this home, and an old one that is needed is not removed', async () => {
  const { keys } = await json('root-key', 'add')
  assert.deepEqual([keys.length, keys[0].sealing], [2, true])
  const { code, stderr } = await place.rekey('root-key', 'remove-old')
  assert.equal(code, 4)
  assert.match(stderr, /an old root key is still needed: \w+ has sealed \d+\. Nothing was removed/)
})

test('evidence of every incident is there, and only its owner can read it', () => {
  const names = readdirSync(place.path('evidence'))
  for (const name of names) assert.equal(statSync(place.path(`evidence/${name}`)).mode & 0o777, 0o600)
  for (const incident of ['INC-1', 'INC-2', 'INC-3', 'INC-4'])
    assert.ok(names.some((name) => name.startsWith(incident)))
})

function about(kid: string, incident: string): string[] {
  return ['--kid', kid, '--incident', incident, ...because]
}

// biome-ignore lint/suspicious/noExplicitAny: documents are looked at member by member
async function json(...words: string[]): Promise<any> {
  const { code, stdout, stderr } = await place.rekey(...words, '--json')
  assert.equal(code, 0, `rekey ${words.join(' ')}: ${stderr}`)
  return JSON.parse(stdout)
}

async function activeKid(): Promise<string> {
  const { keyrings } = (await json('status')) as { keyrings: KeyringView[] }
  const versions = keyrings.find(({ name }) => name === 'signing-es256')?.versions
  return versions?.find(({ state }) => state === 'active')?.id ?? ''
}

async function keyringsOf(wanted: string): Promise<KeyringView[]> {
  const { keyrings } = (await json('status')) as { keyrings: KeyringView[] }
  return keyrings.filter(({ kind }) => kind === wanted)
}

async function token(): Promise<string> {
  return (await place.rekey('token')).stdout.trim()
}

async function hello(api: string, bearer: string): Promise<number> {
  const response = await fetch(`${api}/hello`, { headers: { authorization: `Bearer ${bearer}` } })
  await response.body?.cancel()
  return response.status
}
