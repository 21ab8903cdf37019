import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from '@rekey/database'
import { eventually } from '@rekey/database/testing'
import { temporaryFolder } from './folder.ts'
import { RealIdp } from './real-idp.ts'
import { run } from './shell.ts'

// One audit, lived through from its first export to the day on which somebody changes it: the tests build on each other.
const folder = temporaryFolder()
const [first, second] = [join(folder, 'first'), join(folder, 'second')]
let idp: RealIdp
let signer = ''

before(async () => {
  idp = await RealIdp.start()
})
after(() => idp.remove())

test('what was done stands in the audit, and can be asked for by what it was and to whom', async () => {
  const { agentId } = await idp.json('agent', 'create', 'billing')
  const [{ credentialId }] = (await idp.json('credential', 'list', 'billing')).credentials
  await idp.json('credential', 'rotate', 'billing', credentialId)
  const list = () => idp.json('audit', 'list', '--action', 'credential.rotated', '--agent', 'billing', '--from', '1h')
  const { events } = await eventually(list, (found) => found.events.length > 0)
  assert.deepEqual([events.length, events[0].agentId, events[0].details.credentialId], [1, agentId, credentialId])
  const { stdout } = await idp.rekey('audit', 'list', '--oldest', '--limit', '1')
  assert.match(stdout, /^ {2}SEQ .*\n {2}1 .*\n {2}and more: these are 1; --limit asks for more of them\n$/)
  const all = await idp.json('audit', 'list', '--limit', '1000')
  assert.equal(all.nextCursor, null)
  assert.equal(all.events.at(-1).seq, 1)
})

test('the chain of a running estate is verified, and by the fingerprint of its signer alone', async () => {
  const verdict = await idp.json('audit', 'verify')
  assert.equal(verdict.verified, true)
  assert.ok(verdict.checkedCount >= 3)
  signer = verdict.signer
  assert.equal((await idp.rekey('audit', 'verify', '--signer', signer)).code, 0)
  assert.equal((await idp.rekey('audit', 'verify', '--signer', '0'.repeat(64))).code, 1)
})

test('an event is proven, and the proof is checked here', async () => {
  const prove = async () => {
    const [event] = (await idp.json('audit', 'list', '--action', 'credential.rotated')).events
    return await idp.rekey('audit', 'proof', event.id, '--signer', signer, '--json')
  }
  const { stdout } = await eventually(prove, ({ code }) => code === 0)
  const proof = JSON.parse(stdout)
  assert.deepEqual([proof.verified, proof.signer, JSON.parse(proof.event).action], [true, signer, 'credential.rotated'])
  const { id, seq } = JSON.parse(proof.event)
  const told = await idp.rekey('audit', 'proof', id)
  assert.match(told.stdout, new RegExp(`^Event ${id} is number ${seq} of the chain, proven by a checkpoint over `))
  const foreign = await idp.rekey('audit', 'proof', id, '--signer', '0'.repeat(64))
  assert.equal(foreign.code, 1)
  assert.match(foreign.stdout, /NOT proven .*: it is signed by another key\./)
})

test('exports of two days are written, the second with what happened between', async () => {
  await exportWith(first, 'billing')
  await idp.json('agent', 'create', 'another')
  await exportWith(second, 'another')
  assert.ok(linesOf(second).length > linesOf(first).length)
})

test('a chain that was changed in the database is found at its place, and stands in status', async () => {
  const owner = connect(idp.database.adminUrl, { max: 1 })
  await owner.pool.query('ALTER TABLE audit_chain DISABLE TRIGGER USER')
  await owner.pool.query(
    `UPDATE audit_chain SET text = replace(text, 'billing', 'pilling') WHERE text LIKE '%billing%'`,
  )
  await owner.close()
  const { code, stdout } = await idp.rekey('audit', 'verify', '--json')
  assert.equal(code, 1)
  const { verified, brokenAt, brokenAtEventId } = JSON.parse(stdout)
  const changed = linesOf(first).find((line) => line.includes('billing')) ?? ''
  assert.deepEqual([verified, brokenAt, brokenAtEventId], [false, JSON.parse(changed).seq, JSON.parse(changed).id])
  const { attention } = await idp.json('status')
  assert.ok(attention.some(({ what, command }: Worry) => /not whole/.test(what) && command === 'rekey audit verify'))
})

test('exports are verified when nothing is left but the files', async () => {
  await idp.stop()
  const plain = await verify(second)
  assert.deepEqual([plain.code, plain.document.verified, plain.document.signer], [0, true, signer])
  assert.equal(plain.document.checkedCount, linesOf(second).length - 1)
  const checkpoints = ['--checkpoints', idp.checkpoints]
  assert.equal((await verify(second, '--signer', signer, '--against', first)).code, 0)
  assert.match((await run(['audit', 'verify', first])).stdout, /\(is it the one that you know\?\)/)
  const older = await verify(first, '--signer', signer, ...checkpoints)
  assert.deepEqual([older.code, older.document.problems, older.document.notes.length], [0, [], 1])
  assert.match(
    (await run(['audit', 'verify', first, ...checkpoints])).stdout,
    /\nNote: .* is newer than this export .*\.\n$/,
  )
})

test('one changed byte, a removed line, a cut end: each is found', async () => {
  const lines = linesOf(second)
  const at = lines.findIndex((line) => line.includes('billing'))
  const changed = lines.with(at, (lines[at] ?? '').replace('billing', 'pilling'))
  const cases = { changed, removed: lines.toSpliced(at, 1), cut: lines.slice(0, at), headless: lines.slice(1) }
  for (const [name, kept] of Object.entries(cases)) {
    const file = join(folder, name)
    writeFileSync(file, kept.map((line) => `${line}\n`).join(''))
    const { code, document } = await verify(file)
    assert.deepEqual([code, document.verified], [1, false], name)
    assert.ok(document.problems.length > 0, name)
  }
  const { stdout, stderr } = await run(['audit', 'verify', join(folder, 'changed')])
  assert.match(stdout, new RegExp(`^The audit is NOT verified. It breaks at number ${at + 1} `))
  assert.equal(stderr, 'rekey: the audit is not verified\n')
})

test('files that are no exports are not verified', async () => {
  for (const [name, text] of Object.entries({ empty: '', html: '<html>\n</html>\n', binary: '\0\u001b[2J\0\n' })) {
    const file = join(folder, name)
    writeFileSync(file, text)
    const { code, document } = await verify(file)
    assert.deepEqual([code, document.verified], [1, false], name)
  }
  const { stdout } = await run(['audit', 'verify', join(folder, 'html')])
  assert.match(stdout, /^This is no export of an audit: .*\n$/)
})

test('an export is not verified by the fingerprint of another key, or against a file that is no export', async () => {
  const foreign = await verify(second, '--signer', '0'.repeat(64))
  assert.deepEqual([foreign.code, foreign.document.problems[0].code], [1, 'checkpoint-foreign'])
  assert.equal((await verify(second, '--checkpoints', join(folder, 'html'))).code, 1)
})

test('a missing file, or one that is a folder, is wrong use and no verdict', async () => {
  const lines = [[join(folder, 'none')], [folder], [second, '--against', folder], [second, '--checkpoints', 'none']]
  for (const words of lines) {
    const { code, document } = await verify(...(words as [string]))
    assert.deepEqual([code, document.code, document.verified], [2, 'WRONG_USE', undefined], words.join(' '))
  }
})

interface Worry {
  what: string
  command: string
}

/** An export holds what a checkpoint covers: the newest events may be left to the next one. */
async function exportWith(file: string, name: string): Promise<void> {
  const printed = () => idp.rekey('audit', 'export')
  await eventually(printed, ({ stdout }) => stdout.includes(`"name":"${name}"`))
  const { events } = await idp.json('audit', 'export', file)
  assert.equal(linesOf(file).length, events + 1)
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n')
}

/** Without an estate: there is none in the folder from where these run. */
async function verify(...words: string[]) {
  const { code, stdout } = await run(['audit', 'verify', ...words, '--json'])
  return { code, document: JSON.parse(stdout) }
}
