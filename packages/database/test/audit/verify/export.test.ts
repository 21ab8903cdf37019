import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import canonicalize from 'canonicalize'
import { noHash } from '../../../src/audit/canonical.ts'
import { checkpointLine, linesOfFile } from '../../../src/audit/checkpoints.ts'
import { leafHash } from '../../../src/audit/merkle/hash.ts'
import { CompactRange } from '../../../src/audit/merkle/range.ts'
import { type Checkpoint, decodeUnverified } from '../../../src/audit/note.ts'
import type { AuditSigner } from '../../../src/audit/signer.ts'
import { type ExportOptions, verifyExport } from '../../../src/audit/verify/export.ts'
import { type AuditEstate, auditEstate, events, exported, foreigner, recordAndSign, signer } from '../estate.ts'

const size = 1200
const run = promisify(execFile)

/** In pieces that end anywhere. */
async function* pieces(text: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += 997) yield bytes.subarray(at, at + 997)
}
const verify = (text: string, { against, ...options }: Omit<ExportOptions, 'against'> & { against?: string } = {}) =>
  verifyExport(pieces(text), { ...options, ...(against === undefined ? {} : { against: pieces(against) }) })
const codesOf = ({ problems }: { problems: { code: string }[] }) =>
  [...new Set(problems.map(({ code }) => code))].sort()

/** A chain of its own over the same events, another one from `from` on, signed by whomever. */
function forge(lines: readonly string[], from: number, by: AuditSigner): string {
  const range = new CompactRange()
  let previousHash = noHash
  const forged = lines.map((line, i) => {
    const text = canonicalize({
      ...JSON.parse(line),
      previousHash,
      ...(i + 1 === from ? { actor: 'nob' } : {}),
    }) as string
    previousHash = leafHash(text)
    range.append(previousHash)
    return `${text}\n`
  })
  const note = by.note({ size: lines.length, root: range.root(), head: previousHash, time: '2026-01-01T00:00:00.000Z' })
  return forged.join('') + checkpointLine(note, by.publicKey)
}

describe('verifying an export by itself', () => {
  let estate: AuditEstate
  let text: string
  let earlier: string
  let outside: string
  let lines: string[]
  let end: string
  before(async () => {
    estate = await auditEstate()
    const checkpointFile = estate.file()
    const chain = await estate.chain({ checkpointFile })
    await recordAndSign(estate, chain, events(500))
    await chain.poke()
    earlier = await exported(estate.db)
    await recordAndSign(estate, chain, events(700, 501))
    await chain.poke()
    text = await exported(estate.db)
    outside = await readFile(checkpointFile, 'utf8')
    lines = text.trimEnd().split('\n')
    end = `${lines.pop()}\n`
  })
  after(() => estate.stop())

  const joined = (list: readonly string[], last = end) => list.map((line) => `${line}\n`).join('') + last

  it('finds nothing wrong with one that is as it was written, cut into pieces or not', async () => {
    const expected = { verified: true, checkedCount: size, problems: [], size, signer: signer.fingerprint }
    for (const given of [{}, { signer: signer.fingerprint, checkpoints: outside, against: earlier }]) {
      const { root, ...verdict } = await verify(text, given)
      assert.deepEqual(verdict, expected)
      assert.ok(end.includes(Buffer.from(root, 'hex').toString('base64')))
    }
    assert.equal((await verify(text.trimEnd())).verified, true)
    assert.deepEqual((await verify(earlier, { against: text })).problems, [])
  })

  it('does so in another process, from a file alone, which loads nothing that could reach a database', async () => {
    const [file, script] = [join(estate.folder, 'export'), join(estate.folder, 'verify.ts')]
    await writeFile(file, text)
    const offline = new URL('../../../src/offline.ts', import.meta.url).href
    await writeFile(
      script,
      `import { createReadStream } from 'node:fs'
       import { registerHooks } from 'node:module'
       const loaded = []
       registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
       const { verifyExport } = await import(${JSON.stringify(offline)})
       const { verified, checkedCount } = await verifyExport(createReadStream(process.argv[2]))
       console.log(JSON.stringify({ verified, checkedCount, loaded }))`,
    )
    const { stdout } = await run(process.execPath, [script, file], { cwd: estate.folder, env: {} })
    const { verified, checkedCount, loaded } = JSON.parse(stdout)
    assert.deepEqual({ verified, checkedCount }, { verified: true, checkedCount: size })
    assert.ok(loaded.length > 5)
    assert.deepEqual(
      loaded.filter((url: string) => /\/(pg|kysely|pg-[a-z]+)\//.test(url)),
      [],
    )
  })

  it('finds and locates any byte that is changed, wherever it stands', async () => {
    for (const seq of [1, 2, 500, 1199, 1200]) {
      const line = lines[seq - 1] ?? ''
      // In the text, in the hash that it names, in its number, and in its last brace.
      for (const at of [15, line.indexOf('"previousHash":"') + 20, line.length - 2, line.length - 1]) {
        const changed = `${line.slice(0, at)}${line[at] === '0' ? '1' : '0'}${line.slice(at + 1)}`
        const { verified, brokenAt } = await verify(joined(lines.with(seq - 1, changed)))
        assert.deepEqual([verified, brokenAt], [false, seq], `${seq}: ${changed}`)
      }
    }
  })

  it('finds and locates lines that were removed, moved, doubled, or added', async () => {
    const cases: [string, string, number, string[]][] = [
      ['the first one removed', joined(lines.slice(1)), 1, ['missing']],
      ['one in the middle removed', joined(lines.toSpliced(599, 1)), 600, ['missing']],
      ['the last one removed', joined(lines.slice(0, -1)), 1200, ['tail-removed']],
      ['all removed', end, 1, ['tail-removed']],
      [
        'two exchanged',
        joined(lines.with(599, lines[600] ?? '').with(600, lines[599] ?? '')),
        600,
        ['missing', 'out-of-order'],
      ],
      ['one doubled', joined(lines.toSpliced(600, 0, lines[599] ?? '')), 600, ['out-of-order']],
      [
        'something else put in',
        joined(lines.toSpliced(600, 0, '{"action":"x"}')),
        601,
        ['link-broken', 'malformed', 'out-of-order'],
      ],
      ['line ends of another system', text.replaceAll('\n', '\r\n'), 1, ['malformed']],
    ]
    for (const [what, changed, brokenAt, codes] of cases) {
      const verdict = await verify(changed)
      assert.deepEqual([verdict.verified, verdict.brokenAt, codesOf(verdict)], [false, brokenAt, codes], what)
    }
  })

  it('does not take one without its checkpoint, with a changed one, or with more behind it', async () => {
    const cases: [string, string[]][] = [
      [joined(lines, ''), ['unsigned']],
      [joined(lines, end.replace('head 0', 'head 1').replace('\\ntime 2', '\\ntime 3')), ['checkpoint-foreign']],
      [joined(lines, '{"checkpoint":"rekey","publicKey":"x"}\n'), ['unsigned']],
      [joined([...lines, end.trim()], `${lines[0]}\n`), ['malformed']],
      [joined(lines, earlier.trimEnd().split('\n').at(-1)), ['unsigned']],
      ['', ['unsigned']],
      ['x'.repeat(5 * 2 ** 20), ['malformed', 'unsigned']],
    ]
    for (const [changed, codes] of cases) {
      const verdict = await verify(changed)
      assert.deepEqual([verdict.verified, codesOf(verdict)], [false, codes])
    }
  })

  it('does not take a file without anything in it for something that it fits', async () => {
    for (const given of [{ checkpoints: '' }, { checkpoints: '\n' }, { against: '' }, { against: end }]) {
      const verdict = await verify(text, given)
      assert.deepEqual([verdict.verified, codesOf(verdict)], [false, ['empty']])
    }
  })

  it('names the signer of one that somebody else wrote, and refuses it when told who must have signed', async () => {
    const forged = forge(lines, 700, foreigner)
    const verdict = await verify(forged)
    assert.deepEqual([verdict.verified, verdict.signer], [true, foreigner.fingerprint])
    const { verified, brokenAt } = await verify(forged, { signer: signer.fingerprint })
    assert.deepEqual([verified, brokenAt], [false, 1])
    const wrongKey = await verify(text, { signer: foreigner.fingerprint })
    assert.deepEqual(
      [wrongKey.verified, wrongKey.signer, codesOf(wrongKey)],
      [false, signer.fingerprint, ['checkpoint-foreign']],
    )
  })

  it('finds by checkpoints outside where a copy forks off, though it is signed by the right key', async () => {
    for (const given of [{ checkpoints: outside }, { checkpoints: outside, signer: signer.fingerprint }]) {
      const verdict = await verify(forge(lines, 700, signer), given)
      assert.deepEqual([verdict.brokenAt, codesOf(verdict)], [501, ['forked']])
      const early = await verify(forge(lines, 300, foreigner), given)
      assert.equal(early.brokenAt, 1)
    }
  })

  it('finds by checkpoints outside that it ends before it did when it was signed', async () => {
    const told = (line = '') => decodeUnverified(JSON.parse(line).checkpoint) as Checkpoint
    const closed = told(earlier.trimEnd().split('\n').at(-1))
    const [next] = linesOfFile(outside)
      .map(told)
      .filter(({ size }) => size > 500)
    for (const [earlierMs, codes, notes] of [
      [0, ['tail-removed'], 0],
      [1, [], 1],
    ] as const) {
      const time = new Date(Date.parse(next?.time ?? '') - earlierMs).toISOString()
      const last = checkpointLine(signer.note({ ...closed, time }), signer.publicKey)
      const verdict = await verify(joined(lines.slice(0, 500), last), { checkpoints: outside })
      assert.deepEqual([codesOf(verdict), verdict.notes?.length ?? 0], [codes, notes])
    }
  })

  it('does not take it for cut short because there are newer checkpoints outside, and says so', async () => {
    const verdict = await verify(earlier, { checkpoints: outside })
    assert.deepEqual([verdict.verified, verdict.checkedCount, verdict.problems], [true, 500, []])
    assert.match(verdict.notes?.join() ?? '', /covers 1200 events and is newer than this export .* from 501 on$/)
  })

  it('takes no word for its end from a checkpoint at the end that another key signed', async () => {
    const cut = forge(lines, 700, foreigner).split('\n')
    const verdict = await verify(joined(cut.slice(0, 500), `${cut.at(-2)}\n`), { checkpoints: outside })
    assert.deepEqual(codesOf(verdict), ['checkpoint-foreign', 'tail-removed'])
  })

  it('finds by another export exactly where the two part', async () => {
    const verdict = await verify(forge(lines, 700, signer), { against: text })
    assert.deepEqual([verdict.brokenAt, codesOf(verdict)], [700, ['differs']])
  })
})
