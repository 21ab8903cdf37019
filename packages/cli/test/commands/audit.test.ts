process.env.TZ = 'UTC'

import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { temporaryFolder } from '../folder.ts'
import { playIdp, Refusal } from '../idp.ts'
import { before as ago } from '../keyring.ts'

const [agentId, adminId] = ['5b0f8d2e-3c7b-4a44-9a0e-6f0f7f3f1a01', '9d2c9f2c-1f7e-4d0e-8a67-3d6f6f2b7b02']
const eventId = 'c4e1b1f0-9f5f-4b6a-8d51-2f7a1d0c9e01'
const hashes = { hash: '0'.repeat(64), previousHash: '0'.repeat(64) }
const rotated = {
  seq: 12,
  id: eventId,
  at: ago(12_000),
  action: 'credential.rotated',
  outcome: 'success',
  actor: adminId,
  agentId,
  details: { overlap: '24h' },
  ...hashes,
}
const failed = {
  seq: 11,
  id: eventId,
  at: ago(86_400_000),
  action: 'auth.failed',
  outcome: 'failed',
  actor: agentId,
  agentId,
  details: { cause: 'wrong secret', count: 17, list: ['x'.repeat(200)] },
  ...hashes,
}
const [root, signer] = ['ab'.repeat(32), 'cd'.repeat(32)]
const intact = { verified: true, checkedCount: 1234, problems: [], size: 1234, root, signer }
const folder = temporaryFolder()
const answers: Record<string, unknown> = {}

let idp: Awaited<ReturnType<typeof playIdp>>
before(async () => {
  idp = await playIdp(answers)
})
after(() => idp.close())

test('audit list shows the newest events, each in a line', async () => {
  answers['GET /audit?limit=50'] = { events: [rotated, failed], nextCursor: null }
  assert.equal(
    (await idp.rekey('audit', 'list', '--wide')).stdout,
    `  SEQ  EVENT                                 AT                   ACTION              OUTCOME  ACTOR                                 DETAILS
  12   ${eventId}  2026-03-01 11:59:48  credential.rotated  success  ${adminId}  agent=${agentId} overlap=24h
  11   ${eventId}  2026-02-28 12:00:00  auth.failed         failed   ${agentId}  cause=wrong secret count=17 list=["${'x'.repeat(200)}"]
`,
  )
  const { stdout } = await idp.rekey('audit', 'list', '--json')
  assert.deepEqual(JSON.parse(stdout), { events: [rotated, failed], nextCursor: null })
})

test('audit list fits the terminal: ids are shortened, and a line ends where there is no more room', async () => {
  answers['GET /audit?limit=50'] = { events: [rotated, failed], nextCursor: null }
  const lines = async (columns?: number) =>
    (await idp.rekeyIn({ columns }, 'audit', 'list')).stdout.trimEnd().split('\n')
  assert.deepEqual(await lines(), [
    '  SEQ  EVENT      AT                   ACTION              OUTCOME  ACTOR      DETAILS',
    '  12   c4e1b1f0…  2026-03-01 11:59:48  credential.rotated  success  9d2c9f2c…  agent=5b0f8d2e… over…',
    '  11   c4e1b1f0…  2026-02-28 12:00:00  auth.failed         failed   5b0f8d2e…  cause=wrong secret c…',
  ])
  assert.match((await lines(110))[1] ?? '', /agent=5b0f8d2e… overlap=24h$/)
  assert.ok((await lines(60)).every((line) => line.length <= 60))
})

test('audit list asks for one token, with all that it needs', async () => {
  answers[`GET /agents/${agentId}`] = { agentId, status: 'active' }
  const before = idp.scopes.length
  await idp.rekey('audit', 'list', '--agent', agentId)
  assert.deepEqual(idp.scopes.slice(before), ['agents:read audit:read'])
})

test('audit list passes its filters on; a time may be said as how long ago it was', async () => {
  answers[`GET /agents/${agentId}`] = { agentId, status: 'active' }
  const words = ['--action', 'agent.created', '--outcome', 'success', '--actor', 'a', '--agent', agentId, '--oldest']
  await idp.rekey('audit', 'list', ...words, '--from', '24h', '--to', '2026-03-01T11:00:00Z', '--limit', '7')
  const query = new URLSearchParams(idp.lines().at(-1)?.split('?')[1])
  assert.deepEqual(Object.fromEntries(query), {
    action: 'agent.created',
    outcome: 'success',
    actor: 'a',
    agentId,
    from: ago(86_400_000),
    to: '2026-03-01T11:00:00.000Z',
    order: 'oldest',
    limit: '7',
  })
})

test('audit verify of an estate ends with 0, and says who signed', async () => {
  answers['GET /audit/verify'] = intact
  const { code, stdout } = await idp.rekey('audit', 'verify')
  assert.equal(code, 0)
  assert.equal(
    stdout,
    `The audit is verified: of 1234 events none is missing, changed or out of order.

Events  1234
Root    ${root}
Signer  ${signer}   (is it the one that you know?)
`,
  )
  const known = await idp.rekey('audit', 'verify', '--signer', signer.toUpperCase())
  assert.deepEqual([known.code, known.stdout.split('\n').at(-2)], [0, `Signer  ${signer}`])
})

test('a chain that is broken ends with 1, with the place and the first of its problems', async () => {
  const problems = Array.from({ length: 12 }, (_, index) => ({
    code: 'changed',
    seq: 17 + index,
    message: `event ${17 + index} is \u001b[2Jnot the one`,
  }))
  answers['GET /audit/verify'] = { ...intact, verified: false, brokenAt: 17, brokenAtEventId: eventId, problems }
  const { code, stdout, stderr } = await idp.rekey('audit', 'verify')
  assert.equal(code, 1)
  assert.equal(stderr, 'rekey: the audit is not verified\n')
  assert.match(stdout, new RegExp(`^The audit is NOT verified. It breaks at number 17 \\(event ${eventId}\\)\\.\n`))
  assert.match(stdout, /Problems\n {2}! number 17: event 17 is not the one \(changed\)\n/)
  assert.match(stdout, /\n {2}! number 26: .*\n {2}and 2 more; --json tells them all\n$/)
})

test('a broken chain is one document with --json, without an error document behind it', async () => {
  answers['GET /audit/verify'] = { ...intact, verified: false, brokenAt: 17 }
  const { code, stdout } = await idp.rekey('audit', 'verify', '--json')
  assert.equal(code, 1)
  const { verified, checkedCount, brokenAt } = JSON.parse(stdout)
  assert.deepEqual({ verified, checkedCount, brokenAt }, { verified: false, checkedCount: 1234, brokenAt: 17 })
})

test('a whole chain that another key signed is not verified', async () => {
  answers['GET /audit/verify'] = intact
  const { code, stdout } = await idp.rekey('audit', 'verify', '--signer', root, '--json')
  assert.equal(code, 1)
  assert.deepEqual([JSON.parse(stdout).verified, JSON.parse(stdout).problems[0].code], [false, 'checkpoint-foreign'])
})

test('what compares exports is wrong use without one, and so is a fingerprint that is none', async () => {
  const lines = [
    ['--checkpoints', 'file'],
    ['--against', 'file'],
    ['--signer', 'abc'],
  ]
  for (const words of lines) assert.equal((await idp.rekey('audit', 'verify', ...words)).code, 2, words.join(' '))
})

test('audit export writes a file that only its owner reads, and how many events it has', async () => {
  const path = join(folder, 'export')
  answers['GET /audit/export'] = '{"seq":1}\n{"seq":2}\n{"checkpoint":""}\n'
  const { code, stdout } = await idp.rekey('audit', 'export', path)
  assert.equal(code, 0)
  assert.equal(stdout, `2 events are in ${path}. Verify them on any machine: rekey audit verify ${path}\n`)
  assert.equal(readFileSync(path, 'utf8'), answers['GET /audit/export'])
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const again = join(folder, 'export-2')
  assert.deepEqual(JSON.parse((await idp.rekey('audit', 'export', again, '--json')).stdout), { file: again, events: 2 })
  const spaced = join(folder, 'my export')
  const told = (await idp.rekey('audit', 'export', spaced)).stdout
  assert.ok(told.endsWith(`: rekey audit verify '${spaced}'\n`), told)
})

test('audit export without a file prints the lines alone, and they are not one JSON document', async () => {
  answers['GET /audit/export'] = '{"seq":1}\n{"checkpoint":""}\n'
  const printed = { code: 0, stdout: answers['GET /audit/export'], stderr: '' }
  assert.deepEqual(await idp.rekey('audit', 'export'), printed)
  assert.equal((await idp.rekey('audit', 'export', '--json')).code, 2)
})

test('an export of a chain that is broken, or shorter than its checkpoint, says so and ends with 1', async () => {
  answers['GET /audit/export'] = '{"seq":1}\n{"seq":2}\n{"checkpoint":""}\n'
  const states = {
    whole: [{ size: 2, chained: 3, integrity: true }, 0, ''],
    broken: [{ size: 2, chained: 5, integrity: false }, 1, /export has 2 of 5 events/],
    short: [{ size: 4 }, 1, /export has 2 of 4 events/],
  } as const
  for (const [name, [state, code, told]] of Object.entries(states)) {
    answers['GET /audit/checkpoint'] = state
    const path = join(folder, `export-${name}`)
    const written = await idp.rekey('audit', 'export', path, '--json')
    const printed = await idp.rekey('audit', 'export')
    for (const ran of [written, printed]) {
      assert.equal(ran.code, code, name)
      assert.match(ran.stderr, new RegExp(told))
    }
    assert.equal(JSON.parse(written.stdout).events, 2)
    assert.equal(printed.stdout, answers['GET /audit/export'])
    assert.ok(existsSync(path), 'it is evidence')
  }
  answers['GET /audit/checkpoint'] = { size: 2, chained: 3, integrity: true }
  const { stdout } = await idp.rekey('audit', 'export', join(folder, 'export-told'))
  assert.match(stdout, /It ends before the last 1, which no checkpoint covers\./)
  delete answers['GET /audit/checkpoint']
})

test('an export does not take the place of a file that is there', async () => {
  const path = join(folder, 'evidence')
  writeFileSync(path, 'of another day')
  const sent = idp.requests.length
  const { code, stderr } = await idp.rekey('audit', 'export', path)
  assert.equal(code, 2)
  assert.match(stderr, /evidence exists already/)
  assert.equal(readFileSync(path, 'utf8'), 'of another day')
  assert.equal((await idp.rekey('audit', 'export', join(folder, 'no', 'folder'))).code, 2)
  assert.equal(idp.requests.length, sent)
})

test('an export that breaks off, or is refused, leaves no file', async () => {
  const path = join(folder, 'half')
  answers['GET /audit/export'] = (response: ServerResponse) => {
    response.write('{"seq":1}\n', () => response.socket?.destroy())
  }
  const brokenOff = await idp.rekey('audit', 'export', path)
  assert.equal(brokenOff.code, 3)
  assert.match(brokenOff.stderr, /127\.0\.0\.1:\d+ broke its reply off/)
  assert.equal(existsSync(path), false)
  answers['GET /audit/export'] = new Refusal(403, 'FORBIDDEN', 'this is for the organization that runs the estate')
  assert.equal((await idp.rekey('audit', 'export', path)).code, 4)
  assert.equal(existsSync(path), false)
})

test('the short form of an id, as a list shows it, names no event', async () => {
  const { code, stderr } = await idp.rekey('audit', 'proof', eventId.slice(0, 8))
  assert.equal(code, 2)
  assert.match(stderr, /rekey audit list --wide/)
})

test('an event that is not there, or not in the chain yet, has no proof', async () => {
  const path = `GET /audit/events/${eventId}/proof`
  answers[path] = new Refusal(404, 'UNKNOWN_EVENT', 'there is no such event')
  assert.equal((await idp.rekey('audit', 'proof', eventId)).code, 1)
  answers[path] = new Refusal(409, 'EVENT_NOT_CHAINED', 'the event is not in the chain yet')
  const { code, stderr } = await idp.rekey('audit', 'proof', eventId)
  assert.equal(code, 4)
  assert.match(stderr, /the event is not in the chain yet \(EVENT_NOT_CHAINED\)/)
})

test('a file that is not there is wrong use, and needs no estate', async () => {
  const { code, stderr } = await idp.rekey('audit', 'verify', join(folder, 'nothing'))
  assert.equal(code, 2)
  assert.match(stderr, /nothing cannot be read \(ENOENT\)/)
})

test('with --bff it is the audit of the backend for frontend that is listed, verified, exported and proven from', async () => {
  const asked = async (...words: string[]) => {
    const [before, scopes] = [idp.requests.length, idp.scopes.length]
    const { code } = await idp.rekey('audit', ...words, '--bff', idp.url)
    return { code, lines: idp.lines().slice(before), scopes: idp.scopes.slice(scopes) }
  }
  const paths = { list: '?limit=50', verify: '/verify', checkpoint: '/checkpoint', export: '/export' }
  const at = (path: string) => `GET /internal/audit${path}`
  answers[at(paths.list)] = { events: [rotated], nextCursor: null }
  answers[at(paths.verify)] = intact
  answers[at(paths.checkpoint)] = { size: 1, chained: 1, integrity: true }
  answers[at(paths.export)] = '{"seq":1}\n{"checkpoint":""}\n'
  const one = { code: 0, scopes: ['audit:read'] }
  assert.deepEqual(await asked('list'), { ...one, lines: [at(paths.list)] })
  assert.deepEqual(await asked('verify'), { ...one, lines: [at(paths.verify)] })
  const exported = { ...one, lines: [at(paths.checkpoint), at(paths.export)] }
  assert.deepEqual(await asked('export'), exported)
  assert.deepEqual(await asked('export', join(folder, 'export-bff')), exported)
  const { lines } = await asked('proof', eventId)
  assert.deepEqual(lines, [at(`/events/${eventId}/proof`)])
})

test('a broken audit of the backend ends with 1, and what to type next names it', async () => {
  answers['GET /internal/audit/verify'] = { ...intact, verified: false, brokenAt: 17 }
  answers['GET /internal/audit/checkpoint'] = { size: 5, chained: 5, integrity: false }
  answers['GET /internal/audit/export'] = '{"seq":1}\n{"checkpoint":""}\n'
  const { code, stdout } = await idp.rekey('audit', 'verify', '--bff', idp.url)
  assert.equal(code, 1)
  assert.match(stdout, /^The audit is NOT verified. It breaks at number 17\.\n/)
  const short = await idp.rekey('audit', 'export', '--bff', idp.url)
  assert.equal(short.code, 1)
  assert.match(short.stderr, /has 1 of 5 events; "rekey audit verify --bff" tells what is wrong/)
  const refusal = new Refusal(403, 'INSUFFICIENT_SCOPE', 'this needs the scope audit:read')
  answers['GET /internal/audit/verify'] = refusal
  const refused = await idp.rekey('audit', 'verify', '--bff', idp.url)
  assert.equal(refused.code, 4)
  assert.match(refused.stderr, /the audit of the backend for frontend cannot be verified: .* \(INSUFFICIENT_SCOPE\)/)
})

test('--bff without a backend, with what is no URL, with a file to verify or with an agent is wrong use', async () => {
  const sent = idp.requests.length
  const wrong = [
    [['list', '--bff'], /does not say where its backend for frontend is/],
    [['export', '--bff', join(folder, 'file')], /arguments stand before --bff/],
    [['verify', join(folder, 'export-bff'), '--bff', idp.url], /an export is verified without one/],
    [['list', '--agent', agentId, '--bff', idp.url], /cannot be used with/],
  ] as const
  for (const [words, told] of wrong) {
    const { code, stderr } = await idp.rekey('audit', ...words)
    assert.equal(code, 2, words.join(' '))
    assert.match(stderr, told)
  }
  assert.equal(idp.requests.length, sent)
  assert.equal(existsSync(join(folder, 'file')), false)
})
