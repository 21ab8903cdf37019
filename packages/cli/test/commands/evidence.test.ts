process.env.TZ = 'UTC'

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { type PeriodEvidence, periodActions, readEvidenceFile, rotationActions } from '@rekey/breakglass'
import { systemClock } from '../../src/clock.ts'
import { temporaryFolder } from '../folder.ts'
import { playIdp, Refusal } from '../idp.ts'
import { before as ago, keyring, version } from '../keyring.ts'
import { RealIdp } from '../real-idp.ts'
import { run } from '../shell.ts'

const operator = { clientId: 'operator', clientSecret: `sk_live_${'a'.repeat(64)}` }
const home = temporaryFolder()
const elsewhere = { REKEY_HOME: join(temporaryFolder(), 'nothing') }
let idp: RealIdp
let env: Record<string, string>
let sealed: Awaited<ReturnType<typeof sealPeriod>>

before(async () => {
  idp = await RealIdp.start()
  const { clientId, clientSecret } = operator
  env = { REKEY_HOME: home, REKEY_IDP: idp.url, REKEY_CLIENT_ID: clientId, REKEY_CLIENT_SECRET: clientSecret }
  sealed = await sealPeriod()
})
after(() => idp.remove())

const rekey = (...words: string[]) => run(words, env, { now: systemClock })
const without = (...words: string[]) => run(words, elsewhere)
const vector = (name: string) =>
  fileURLToPath(new URL(`../../../breakglass/test/evidence/vectors/${name}`, import.meta.url))
const digits = /^[0-9a-f]{64}$/

async function fingerprint(): Promise<string> {
  return (await rekey('evidence', 'key')).stdout.trim()
}

/** An archive whose manifest, the first file in it, is of a format to come. */
function ofLaterFormat(archive: Buffer): Buffer {
  const [name, format] = ['manifest.json', 'rekey-evidence/']
  archive.write('2', archive.indexOf(format) + format.length)
  const start = 30 + name.length
  const checksum = crc32(archive.subarray(start, start + archive.readUInt32LE(18)))
  archive.writeUInt32LE(checksum, 14)
  archive.writeUInt32LE(checksum, archive.readUInt32LE(archive.length - 6) + 16)
  return archive
}

/** Rotates a signing key and a credential, revokes the latter, and seals the evidence of that. */
async function sealPeriod() {
  const { agentId } = await idp.json('agent', 'create', 'agent-of-the-period')
  const [credential] = (await idp.json('credential', 'list', agentId)).credentials
  await idp.json('credential', 'rotate', agentId, credential.credentialId)
  await idp.json('credential', 'revoke', agentId, credential.credentialId, '--reason', 'left <b>the</b> company')
  await idp.json('rotate', 'signing-es256', '--watch', '--force', '--reason', 'a drill')
  const file = join(home, 'period.zip')
  const ran = await rekey('evidence', 'period', '--from', '1h', '--control', 'CC9.2', '--out', file, '--json')
  assert.equal(ran.code, 0, ran.stderr)
  return { file, credentialId: credential.credentialId as string, told: JSON.parse(ran.stdout) }
}

describe('evidence of a period', () => {
  test('is sealed from a running estate, with each rotation, who did it, and the proof', () => {
    const { file, credentialId, told } = sealed
    assert.deepEqual([told.file, told.consistent, told.problems, told.missing], [file, true, [], []])
    const evidence: PeriodEvidence = JSON.parse(readEvidenceFile(readFileSync(file), 'evidence.json'))
    assert.equal(evidence.issuer, idp.url)
    assert.deepEqual(Object.keys(evidence.sealedBy), ['runner', 'software'])
    const rotations = evidence.rotations.map(({ kind, what, by, reason }) => ({ kind, what, by, reason }))
    assert.deepEqual(rotations, [
      { kind: 'client', what: credentialId, by: operator.clientId, reason: undefined },
      { kind: 'signing', what: 'signing-es256', by: operator.clientId, reason: 'a drill' },
    ])
    const [revocation] = evidence.revocations
    assert.deepEqual(
      [revocation?.about, revocation?.by, revocation?.reason],
      [credentialId, operator.clientId, 'left <b>the</b> company'],
    )
    assert.ok(
      evidence.exceptions.some(({ what, by }) => what.startsWith('rotation forced') && by === operator.clientId),
    )
    assert.ok(evidence.keyrings.some(({ name }) => name === 'signing-es256'))
    assert.equal(told.proofs.verified, evidence.record.events.length)
  })

  test('verifies in another folder, without the estate, by the fingerprint that was written down', async () => {
    const { file } = sealed
    const own = await fingerprint()
    const { code, stdout } = await without('evidence', 'verify', file, '--signer', own, '--json')
    const { consistent, signer, kind, fingerprint: by } = JSON.parse(stdout)
    assert.deepEqual([code, consistent, signer, kind, by], [0, true, 'known', 'period', own])
  })

  test('says how far the schedule was kept, secret by secret, and names those that nobody manages', () => {
    const { file, credentialId, told } = sealed
    const { coverage, estate, backend }: PeriodEvidence = JSON.parse(
      readEvidenceFile(readFileSync(file), 'evidence.json'),
    )
    assert.deepEqual(told.coverage, coverage?.total)
    assert.deepEqual([coverage?.total.overdue, coverage?.total.withinPercent], [0, 100])
    const signing = coverage?.secrets.find(({ name }) => name === 'signing-es256')
    assert.deepEqual([signing?.status, signing?.rotateEveryMs], ['within', 90 * 86_400_000])
    assert.ok(signing?.rotations.at(-1)?.event, 'the event of the audit')
    assert.ok(!coverage?.secrets.some(({ name }) => name === credentialId), 'it was revoked')
    const unmanaged = coverage?.secrets.filter(({ status }) => status === 'unmanaged').map(({ name }) => name)
    assert.ok(unmanaged?.includes('DATABASE_URL'))
    assert.deepEqual([estate?.bff, backend, estate?.signOff, estate?.metrics], [null, null, null, []])
    const report = readEvidenceFile(readFileSync(file), 'report.md')
    assert.match(report, /^## Coverage of the schedule$/m)
    assert.match(report, /Every secret was within its interval during the whole period\./)
  })

  test('has who signed it off, and the history of the metric from a Prometheus', async () => {
    const asked: { path: string; authorization: string | undefined }[] = []
    const values = [[1_800_000_000, '2']]
    const result = [{ metric: { environment: 'production' }, values }]
    const body = JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } })
    const prometheus = createServer((request, response) => {
      asked.push({ path: request.url ?? '', authorization: request.headers.authorization })
      response.setHeader('content-type', 'application/json').end(asked.length === 1 ? body : '{"status":"error"}')
    })
    await once(prometheus.listen(0, '127.0.0.1'), 'listening')
    const { port } = prometheus.address() as AddressInfo
    const words = ['evidence', 'period', '--from', '1h', '--control', 'CC9.2', '--json']
    const besides = ['--signed-off-by', 'Ada Lovelace', '--prometheus', `http://ada:pass-of-hers@127.0.0.1:${port}/`]
    const { code, stdout, stderr } = await rekey(...words, ...besides)
    const refused = await rekey(...words, '--prometheus', `http://127.0.0.1:${port}`)
    prometheus.close()
    assert.equal(code, 0, stderr)
    const bytes = readFileSync(JSON.parse(stdout).file)
    const { estate }: PeriodEvidence = JSON.parse(readEvidenceFile(bytes, 'evidence.json'))
    assert.equal(estate?.signOff?.by, 'Ada Lovelace')
    const [history] = estate?.metrics ?? []
    assert.deepEqual(history?.series, [{ labels: { environment: 'production' }, values }])
    assert.deepEqual([history?.source, history?.sha256], [`http://127.0.0.1:${port}`, hash('sha256', body)])
    assert.match(asked[0]?.path ?? '', /^\/api\/v1\/query_range\?query=agentidp_credentials_expiring_soon_total&start=/)
    assert.match(asked[0]?.authorization ?? '', /^Basic /)
    assert.ok(!bytes.includes('pass-of-hers'))
    assert.match(readEvidenceFile(bytes, 'report.md'), /Signed off by.*Ada Lovelace/)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /and not as a Prometheus does/)
  })

  test('is kept in the home where no file is named', async () => {
    const ran = await rekey('evidence', 'period', '--from', '1h', '--control', 'CC9.2')
    assert.equal(ran.code, 0, ran.stderr)
    const [, path = ''] = / in (\S+\.zip), sealed by /.exec(ran.stdout) ?? []
    assert.ok(path.startsWith(join(home, 'evidence', 'CC9.2-')) && existsSync(path))
  })

  test('says that it is not complete where the period is not over', async () => {
    const file = join(home, 'future.zip')
    const { code, stdout } = await rekey(
      'evidence',
      'period',
      '--from',
      '1h',
      '--to',
      '2100-01-01',
      '--control',
      'A',
      '--out',
      file,
    )
    assert.equal(code, 0)
    assert.match(stdout, /It is not complete: the period was not over when this was sealed\./)
  })

  test('takes no place of another file, no control that is a path, and no period that ends before it begins', async () => {
    const there = join(home, 'there.zip')
    writeFileSync(there, 'of another day')
    const wrong = [
      ['--from', '1h', '--control', 'A', '--out', there],
      ['--from', '1h', '--control', '../A'],
      ['--from', '1h', '--to', '2h', '--control', 'A'],
      ['--from', '1h'],
    ]
    for (const words of wrong) assert.equal((await rekey('evidence', 'period', ...words)).code, 2, words.join(' '))
    assert.equal(readFileSync(there, 'utf8'), 'of another day')
  })

  test('tells a command that can be copied, wherever the evidence is', async () => {
    const file = join(temporaryFolder(), "Ada's evidence.zip")
    const { code, stdout } = await rekey('evidence', 'period', '--from', '1h', '--control', 'CC_9', '--out', file)
    assert.equal(code, 0)
    assert.ok(stdout.endsWith(`Read it: rekey evidence show '${file.replace("'", "'\\''")}'\n`), stdout)
  })
})

describe('rekey evidence', () => {
  test('verify ends with 1 where another signer is wanted, and tells of a file that it is consistent all the same', async () => {
    const { file } = sealed
    const { code, stdout, stderr } = await without('evidence', 'verify', file, '--signer', 'ab'.repeat(32), '--json')
    const { consistent, signer } = JSON.parse(stdout)
    assert.deepEqual([code, consistent, signer], [1, true, 'unknown'])
    assert.equal(stderr, 'rekey: the evidence is sealed by another key\n')
  })

  test('verify without a signer knows the key of this estate, and no other', async () => {
    const { file } = sealed
    const here = await rekey('evidence', 'verify', file)
    assert.deepEqual([here.code, /Signer +[0-9a-f]{64} {3}\(known\)/.test(here.stdout)], [0, true])
    const there = await without('evidence', 'verify', file)
    assert.equal(there.code, 0)
    assert.match(there.stdout, /^The evidence holds: .*\n\nAbout .*CC9\.2[\s\S]*\(NOT known: compare it/)
  })

  test('verify of a file that was changed ends with 1, in one document', async () => {
    const { file } = sealed
    const bytes = readFileSync(file)
    bytes.writeUInt8(bytes.readUInt8(5_000) ^ 1, 5_000)
    const changed = join(home, 'changed.zip')
    writeFileSync(changed, bytes)
    const { code, stdout } = await without('evidence', 'verify', changed, '--json')
    assert.deepEqual([code, JSON.parse(stdout).consistent], [1, false])
    assert.match(
      (await without('evidence', 'verify', changed)).stdout,
      /^The evidence does NOT hold\.\n\nProblems\n {2}! /,
    )
    const show = await without('evidence', 'show', changed)
    assert.deepEqual([show.code, show.stdout], [1, ''])
  })

  test('show prints the report, and with --json all that the evidence has', async () => {
    const { file } = sealed
    const { code, stdout, stderr } = await without('evidence', 'show', file)
    assert.equal(code, 0)
    assert.match(stdout, /^# Control CC9\.2: rotation of credentials\n[\s\S]*left `<b>the<\/b>` company/)
    assert.match(stderr, /^Sealed by [0-9a-f]{64}, which is not known here\.\n$/)
    assert.equal(JSON.parse((await without('evidence', 'show', file, '--json')).stdout).control, 'CC9.2')
  })

  test('show prints no report that it cannot compare with what was recorded, and verify says that it could not', async () => {
    const lying = vector('lying-reports.zip')
    assert.ok(readEvidenceFile(readFileSync(lying), 'report.md').startsWith('# All is well\u001b'))
    const show = await without('evidence', 'show', lying)
    assert.equal(show.code, 0)
    assert.match(show.stdout, /^# Incident INC-42: compromised signing key\n/)
    assert.equal(`${show.stdout}${show.stderr}`.includes('\u001b'), false)
    assert.match(
      show.stderr,
      /which is not known here\.\nThe report within it is of another release: this one is made anew\.\n$/,
    )
    const verify = await without('evidence', 'verify', lying)
    assert.match(verify.stdout, /^Reports +of another release: NOT compared with what was recorded; /m)
    assert.equal(
      JSON.parse((await without('evidence', 'verify', lying, '--json')).stdout).reports,
      'of another release',
    )
  })

  test('verify says of reports that it compared them', async () => {
    const { file } = sealed
    const { code, stdout } = await without('evidence', 'verify', file)
    assert.equal(code, 0)
    assert.match(stdout, /^Reports +they say what was recorded$/m)
    assert.equal(JSON.parse((await without('evidence', 'verify', file, '--json')).stdout).reports, 'compared')
  })

  test('evidence of a format that this release does not know is not called damaged, and not shown', async () => {
    const later = join(home, 'later.zip')
    writeFileSync(later, ofLaterFormat(readFileSync(vector('period-1.zip'))))
    const { code, stdout, stderr } = await without('evidence', 'verify', later)
    assert.equal(code, 1)
    assert.match(
      stdout,
      /^This release cannot tell whether the evidence holds\.\n\nProblems\n {2}! it has the format rekey-evidence\/2, /,
    )
    assert.equal(stderr, 'rekey: this release cannot tell whether the evidence holds\n')
    const { consistent, unknownFormat } = JSON.parse((await without('evidence', 'verify', later, '--json')).stdout)
    assert.deepEqual([consistent, unknownFormat], [false, 'rekey-evidence/2'])
    const show = await without('evidence', 'show', later)
    assert.deepEqual([show.code, show.stdout], [1, ''])
    assert.match(show.stderr, /it has the format rekey-evidence\/2, which this release does not know/)
  })

  test('a file that is not there, or a fingerprint that is none, is wrong use', async () => {
    assert.equal((await without('evidence', 'verify', join(home, 'nowhere'))).code, 2)
    assert.equal((await without('evidence', 'verify', home)).code, 2)
    assert.equal((await without('evidence', 'verify', home, '--signer', 'abc')).code, 2)
  })

  test('key makes one key and keeps it, in the home or where it is told to', async () => {
    assert.match(await fingerprint(), digits)
    assert.equal(await fingerprint(), await fingerprint())
    const other = join(temporaryFolder(), 'audit.key')
    const { code, stdout } = await run(['evidence', 'key', '--json'], { ...env, REKEY_EVIDENCE_KEY: `file:${other}` })
    const told = JSON.parse(stdout)
    assert.deepEqual([code, told.file], [0, other])
    assert.match(told.fingerprint, digits)
    assert.notEqual(told.fingerprint, await fingerprint())
    assert.match(readFileSync(other, 'utf8'), /^-----BEGIN PRIVATE KEY-----/)
    assert.equal((await run(['evidence', 'key'], { ...env, REKEY_EVIDENCE_KEY: 'a-secret' })).code, 2)
  })

  test('key says where the key is, and whether it was made now', async () => {
    const file = join(temporaryFolder(), 'new.key')
    const key = () => run(['evidence', 'key'], { ...env, REKEY_EVIDENCE_KEY: `file:${file}` })
    assert.equal((await key()).stderr, `This key was made now: ${file}\n`)
    assert.equal((await key()).stderr, `The key: ${file}\n`)
  })

  test('key makes none in a folder that is no home', async () => {
    const { code, stdout, stderr } = await without('evidence', 'key', '--json')
    assert.deepEqual([code, JSON.parse(stdout).code, existsSync(elsewhere.REKEY_HOME)], [3, 'NO_ESTATE', false])
    assert.match(stderr, /Set REKEY_HOME to the home of one, or REKEY_EVIDENCE_KEY to file:/)
  })
})

describe('evidence of a period from an IdP that is not well', () => {
  const answers: Record<string, unknown> = {}
  let played: Awaited<ReturnType<typeof playIdp>>
  before(async () => {
    played = await playIdp(answers)
  })
  after(() => played.close())

  const event = {
    id: 'c4e1b1f0-9f5f-4b6a-8d51-2f7a1d0c9e01',
    seq: 7,
    at: ago(5_000),
    action: 'keyring.rolled_back',
    outcome: 'success',
  }
  const details = { keyring: 'signing-es256', version: 'k1', reason: 'too early' }

  function rolledBack(): void {
    const query = (action: string) =>
      `GET /audit?action=${action}&from=2026-03-01T11%3A00%3A00.000Z&to=2026-03-01T12%3A00%3A00.000Z&order=oldest&limit=200`
    for (const action of periodActions) answers[query(action)] = { events: [], nextCursor: null }
    answers[query('keyring.rolled_back')] = {
      events: [{ ...event, actor: 'ana', details, hash: '0' }],
      nextCursor: null,
    }
    const totals = { secrets: 0, unmanaged: 0, overdue: 0 }
    answers['GET /inventory?limit=200'] = { secrets: [], totals, nextCursor: null }
    answers['GET /credentials?due=overdue&limit=200'] = { credentials: [], total: 0, nextCursor: null }
    answers['GET /keyrings'] = {
      keyrings: [keyring([version('k1', 'active', { activatedAt: ago(2 * 86_400_000) })], [], { rotateEvery: '1d' })],
    }
    answers[`GET /audit/events/${event.id}/proof`] = new Refusal(409, 'EVENT_NOT_CHAINED', 'not yet')
  }

  const seal = (out: string, ...more: string[]) => {
    const words = ['evidence', 'period', '--from', '1h', '--control', 'A', '--out', out, '--json', ...more]
    return run(words, { REKEY_HOME: home, REKEY_IDP: played.url, REKEY_CLIENT_ID: 'a', REKEY_CLIENT_SECRET: 'b' })
  }

  test('has an event without its proof where the chainer is down, and says so; and which key is overdue', async () => {
    rolledBack()
    const file = join(home, 'unproven.zip')
    const { code, stdout } = await seal(file)
    assert.equal(code, 0)
    assert.match(
      (await without('evidence', 'verify', file)).stdout,
      /^Proofs +0 events of the audit are proven, 1 was not in/m,
    )
    const { missing, proofs, overdue } = JSON.parse(stdout)
    assert.deepEqual(
      [missing, proofs.waiting, overdue],
      [['some events have no proof yet: the chainer may be down'], 1, 1],
    )
    const evidence: PeriodEvidence = JSON.parse(readEvidenceFile(readFileSync(file), 'evidence.json'))
    assert.deepEqual(evidence.overdue, [
      { what: 'signing-es256', kind: 'signing-key', rotatedAt: ago(2 * 86_400_000), overdueSince: ago(86_400_000) },
    ])
    const [{ what, reason, by } = {}] = evidence.exceptions as Partial<PeriodEvidence['exceptions'][number]>[]
    assert.deepEqual([what, reason, by], ['rolled back to the version before', 'too early', 'ana'])
  })

  test('says that it may lack events that have no place in the chain, after it waited for them', async () => {
    rolledBack()
    const listed = (waitingSince: string) => {
      for (const [key, answer] of Object.entries(answers))
        if (key.startsWith('GET /audit?')) answers[key] = { ...(answer as object), waitingSince }
    }
    const missing = async (out: string) => JSON.parse((await seal(join(home, out))).stdout).missing
    const noPlace = 'some events of the period have no place in the chain yet: the chainer may be down'
    const noProof = 'some events have no proof yet: the chainer may be down'
    listed(ago(1_000))
    assert.deepEqual(await missing('behind.zip'), [noPlace, noProof])
    listed('2026-03-01T12:00:00.000Z')
    assert.deepEqual(await missing('after-the-period.zip'), [noProof])
  })

  test('of an IdP that hands out a proof that does not hold is kept, and ends with 1', async () => {
    rolledBack()
    const text = JSON.stringify({ ...event, actor: 'ana', details })
    answers[`GET /audit/events/${event.id}/proof`] = {
      event: text,
      seq: 7,
      hash: '00',
      treeSize: 9,
      path: [],
      checkpoint: '',
      publicKey: '',
    }
    const file = join(home, 'false.zip')
    const { code, stdout, stderr } = await seal(file)
    assert.deepEqual([code, JSON.parse(stdout).consistent, existsSync(file)], [1, false, true])
    assert.match(stderr, /the evidence does not hold: event 1 of the record/)
  })

  test('calls what is declared and overdue so', async () => {
    rolledBack()
    const totals = { secrets: 1, unmanaged: 0, overdue: 1 }
    const times = { age: '2d', rotatedAt: ago(2 * 86_400_000), rotateEvery: '1d', overdueSince: ago(86_400_000) }
    const secret = { name: 'smtp', kind: 'password', owner: 'team', management: 'declared', ...times }
    const secrets = [{ ...secret, nextRotation: ago(86_400_000) }]
    answers['GET /inventory?limit=200'] = { secrets, totals, nextCursor: null }
    for (const action of rotationActions) {
      const earlier = new URLSearchParams({
        action,
        from: ago(90_000_000),
        to: ago(3_600_000),
        order: 'oldest',
        limit: '200',
      })
      answers[`GET /audit?${earlier}`] = { events: [], nextCursor: null }
    }
    const { overdue, coverage } = JSON.parse((await seal(join(home, 'declared.zip'))).stdout)
    assert.deepEqual([overdue, coverage.overdue], [2, 1])
  })

  test('has no record of a backend for frontend whose audit cannot be read, instead of one in which nothing happened', async () => {
    rolledBack()
    const file = join(home, 'backend-away.zip')
    const { code, stdout } = await seal(file, '--bff', 'http://localhost:1')
    assert.equal(code, 0)
    assert.match(JSON.parse(stdout).missing.join(), /its rotations are not in the coverage: .*localhost:1/)
    const { estate, backend }: PeriodEvidence = JSON.parse(readEvidenceFile(readFileSync(file), 'evidence.json'))
    assert.deepEqual([estate?.bff, backend], [null, null])
  })

  test('says that nothing is known of the schedule where the IdP has no inventory yet', async () => {
    rolledBack()
    delete answers['GET /inventory?limit=200']
    const { missing } = JSON.parse((await seal(join(home, 'earlier-release.zip'))).stdout)
    assert.match(missing.join(), /the identity provider has no inventory, so nothing is known of how far its schedule/)
  })

  test('is not made where the audit cannot be read', async () => {
    rolledBack()
    answers['GET /keyrings'] = new Refusal(403, 'INSUFFICIENT_SCOPE', 'no')
    const file = join(home, 'refused.zip')
    assert.equal((await seal(file)).code, 4)
    assert.equal(existsSync(file), false)
  })
})
