import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { zipSync } from 'fflate'
import { type ArchivedFile, pack, unpack } from '../../src/evidence/archive.ts'
import type { IncidentEvidence } from '../../src/evidence/document.ts'
import { jsonBytes } from '../../src/evidence/json.ts'
import { type EvidenceKey, makeEvidenceKey, readEvidenceKey } from '../../src/evidence/key.ts'
import { evidenceReport, readEvidenceFile } from '../../src/evidence/open.ts'
import { sealIncident } from '../../src/evidence/seal.ts'
import { verifyEvidence } from '../../src/evidence/verify.ts'
import { reportsForm, viewsOf } from '../../src/evidence/views.ts'
import type { StepName, StepState } from '../../src/incident/record.ts'
import type { RecordedEvent } from '../../src/providers/port.ts'
import { auditKey, proven } from './audit.ts'
import { at, events, incident, openIncident, unproved } from './samples.ts'
import { type About, signed } from './signed.ts'

const key = readEvidenceKey(makeEvidenceKey().pem)
const other = readEvidenceKey(makeEvidenceKey().pem)
let recorded: RecordedEvent[]
let sealed: Uint8Array
before(async () => {
  recorded = await proven(events)
  sealed = sealIncident(incident({ events: recorded }), key)
})

const bytesOf = (text: string) => Buffer.from(text)
const problemsOf = (bytes: Uint8Array) => verifyEvidence(bytes, { signer: key.fingerprint }).problems.join('; ')

/** The archive with some files replaced, under a signature that fits. */
function resealed(
  change: (files: ArchivedFile[]) => ArchivedFile[],
  about: Partial<About> = {},
  by: EvidenceKey = key,
) {
  const named: About = { kind: 'incident', name: 'INC-42', sealedAt: at(5.6), reports: reportsForm, ...about }
  return signed(change(unpack(sealed).slice(2)), named, by)
}

/** The same with other facts, and the reports that these have. */
function claiming(change: (evidence: IncidentEvidence) => IncidentEvidence, by = key) {
  const evidence = JSON.parse(JSON.stringify(change(incident({ events: recorded }))))
  return resealed(
    () => [{ name: 'evidence.json', bytes: jsonBytes(evidence) }, ...viewsOf(evidence, by.fingerprint)],
    {},
    by,
  )
}

const replace = (name: string, bytes: Uint8Array) => (files: ArchivedFile[]) =>
  files.map((file) => (file.name === name ? { name, bytes } : file))

describe('evidence that somebody changed', () => {
  it('is not consistent with a bit flipped anywhere', () => {
    const bytes = Buffer.from(sealed)
    const facts = unpack(bytes).at(2)?.bytes.byteOffset ?? 0
    const directory = bytes.readUInt32LE(bytes.length - 6)
    // Every byte of headers, manifest, signature and directory; of the large files one here and there.
    const isLarge = (place: number) => place > facts - bytes.byteOffset && place < directory
    for (let place = 0; place < bytes.length; place += isLarge(place) ? 61 : 1) {
      const flip = () => bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << (place % 8)), place)
      flip()
      assert.equal(verifyEvidence(bytes).consistent, false, `byte ${place}`)
      flip()
    }
    assert.equal(verifyEvidence(bytes).consistent, true)
  })

  it('is not consistent with a bit flipped in a file, although the checksums of the archive were made to fit', () => {
    unpack(sealed).forEach(({ bytes }, which) => {
      for (let place = 0; place < bytes.length; place += Math.ceil(bytes.length / 50)) {
        const flipped = Buffer.from(bytes)
        flipped.writeUInt8(flipped.readUInt8(place) ^ 1, place)
        const files = unpack(sealed).map((file, at) => (at === which ? { ...file, bytes: flipped } : file))
        assert.equal(verifyEvidence(pack(files)).consistent, false, `${which}, byte ${place}`)
      }
    })
  })

  it('is not consistent when bytes are cut off, put before, put behind or put between', () => {
    const [empty, byte] = [Buffer.alloc(0), Buffer.alloc(1)]
    const half = Math.floor(sealed.length / 2)
    const damaged = [
      empty,
      byte,
      sealed.subarray(1),
      sealed.subarray(0, -1),
      sealed.subarray(0, half),
      Buffer.concat([byte, sealed]),
      Buffer.concat([sealed, byte]),
      Buffer.concat([sealed.subarray(0, half), byte, sealed.subarray(half)]),
      Buffer.concat([sealed, sealed]),
      bytesOf('this is no archive, although it is long enough to have the end of one'),
    ]
    for (const bytes of damaged) {
      const { consistent, signer, fingerprint } = verifyEvidence(bytes)
      assert.deepEqual([consistent, signer, fingerprint], [false, 'unknown', ''])
    }
  })

  it('is not consistent with a file added, doubled, left out, renamed or moved', () => {
    const files = unpack(sealed)
    const extra = { name: 'readme.txt', bytes: bytesOf('trust me') }
    const [first, ...rest] = files
    const report = files.find(({ name }) => name === 'report.md') ?? extra
    const others: ArchivedFile[][] = [
      [...files, extra],
      [...files, report],
      [...files, { ...report, bytes: bytesOf('all is well') }],
      files.filter((file) => file !== report),
      files.map((file) => (file === report ? { ...file, name: 'REPORT.MD' } : file)),
      files.map((file) => (file === report ? { ...file, name: '../report.md' } : file)),
      files.toReversed(),
      [...rest, ...(first ? [first] : [])],
      [],
    ]
    for (const list of others) assert.equal(verifyEvidence(pack(list)).consistent, false)
  })

  it('is not consistent as the same files in an archive that is made otherwise', () => {
    const files = Object.fromEntries(unpack(sealed).map(({ name, bytes }) => [name, bytes]))
    for (const level of [0, 9] as const) assert.match(problemsOf(zipSync(files, { level })), /no archive of evidence/)
    assert.match(problemsOf(zipSync(files, { level: 0, comment: 'hello' })), /no archive of evidence/)
  })

  it('is not consistent where the header beside a file and the directory say different things', () => {
    const bytes = Buffer.from(sealed)
    const directory = bytes.readUInt32LE(bytes.length - 6)
    const renamed = Buffer.from(bytes)
    renamed.write('Manifest.json', 30)
    const redirected = Buffer.from(bytes)
    redirected.writeUInt32LE(bytes.readUInt32LE(directory + 42) + 1, directory + 42)
    const shortened = Buffer.from(bytes)
    shortened.writeUInt32LE(bytes.readUInt32LE(directory + 24) - 1, directory + 24)
    for (const each of [renamed, redirected, shortened]) assert.match(problemsOf(each), /no archive of evidence/)
  })

  it('cannot make the reader unpack more than there is', () => {
    const bomb = zipSync({ 'manifest.json': new Uint8Array(50_000_000) }, { level: 9 })
    assert.match(problemsOf(bomb), /no archive of evidence/)
    // Entries that overlap: each says that it is the whole archive.
    const overlapping = Buffer.from(sealed)
    let entry = overlapping.readUInt32LE(overlapping.length - 6)
    for (let i = 0; i < 6; i += 1) {
      overlapping.writeUInt32LE(sealed.length - 100, entry + 20)
      overlapping.writeUInt32LE(sealed.length - 100, entry + 24)
      overlapping.writeUInt32LE(0, entry + 42)
      entry += 46 + overlapping.readUInt16LE(entry + 28)
    }
    const many = Buffer.from(sealed)
    many.writeUInt16LE(65_535, many.length - 14)
    many.writeUInt16LE(65_535, many.length - 12)
    for (const each of [overlapping, many]) assert.match(problemsOf(each), /no archive of evidence/)
  })

  it('is not consistent, and stops nobody who reads it, where it is nested without an end', () => {
    const deep = bytesOf(`${'['.repeat(100_000)}${']'.repeat(100_000)}\n`)
    const files = unpack(sealed).map((file) => (file.name === 'manifest.json' ? { ...file, bytes: deep } : file))
    assert.match(problemsOf(pack(files)), /manifest/)
    assert.match(problemsOf(resealed(replace('evidence.json', deep))), /evidence.json/)
  })

  it('is not consistent under the manifest of other evidence, whoever signed that', () => {
    for (const by of [key, other]) {
      const [manifest, jws] = unpack(sealIncident(openIncident({ events: recorded }), by))
      const [, , ...rest] = unpack(sealed)
      const mixed = pack([...(manifest && jws ? [manifest, jws] : []), ...rest])
      assert.match(problemsOf(mixed), /evidence.json is not the file that was sealed/)
    }
  })

  it('is not consistent with the signature of other evidence by the same key', () => {
    const [, jws] = unpack(sealIncident(openIncident({ events: recorded }), key))
    const files = unpack(sealed).map((file) => (file.name === 'manifest.jws' && jws ? jws : file))
    assert.match(problemsOf(pack(files)), /not signed by the key that it names/)
  })

  it('does not take a signature that names another algorithm, or is spelled otherwise', () => {
    const [manifest, jws, ...rest] = unpack(sealed)
    const [header = '', , signature = ''] = Buffer.from(jws?.bytes ?? [])
      .toString()
      .split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const text of [
      `${none}..`,
      `${none}..${signature}`,
      `${header}..${signature}=`,
      `${header}..${signature}\n`,
      `${header}..`,
      '..',
      '',
    ]) {
      const forged = pack([...(manifest ? [manifest] : []), { name: 'manifest.jws', bytes: bytesOf(text) }, ...rest])
      assert.match(problemsOf(forged), /not signed/, JSON.stringify(text))
    }
  })

  it('sealed again by somebody else is that one’s, and he is unknown', () => {
    const forged = claiming((evidence) => evidence, other)
    const { consistent, signer, fingerprint } = verifyEvidence(forged, { signer: key.fingerprint })
    assert.deepEqual([consistent, signer, fingerprint], [true, 'unknown', other.fingerprint])
    // To name the known key it would have to be signed by it.
    const posing: EvidenceKey = { ...key, sign: (bytes) => other.sign(bytes) }
    assert.match(problemsOf(resealed((files) => files, {}, posing)), /not signed by the key that it names/)
    const named: EvidenceKey = { ...other, fingerprint: key.fingerprint }
    assert.equal(
      verifyEvidence(
        resealed((files) => files, {}, named),
        { signer: key.fingerprint },
      ).signer,
      'unknown',
    )
  })
})

describe('evidence of a format that only another release knows', () => {
  const sentence = (format: string) =>
    `it has the format ${format}, which this release does not know: another one can tell whether it holds`

  it('is not said to be damaged, but not to hold either: by its manifest, whatever files it has', () => {
    const [manifest, ...rest] = unpack(sealed)
    const text = Buffer.from(manifest?.bytes ?? []).toString()
    const later = { name: 'manifest.json', bytes: bytesOf(text.replace('rekey-evidence/1', 'rekey-evidence/2')) }
    const extra = { name: 'report.pdf', bytes: bytesOf('%PDF') }
    for (const files of [
      [later, ...rest],
      [later, ...rest, extra],
    ]) {
      const { consistent, signer, unknownFormat, problems } = verifyEvidence(pack(files), { signer: key.fingerprint })
      assert.deepEqual([consistent, signer, unknownFormat], [false, 'unknown', 'rekey-evidence/2'])
      assert.deepEqual(problems, [sentence('rekey-evidence/2')])
    }
  })

  it('is told apart from what is damaged by its facts, too', () => {
    for (const format of ['rekey-incident-evidence/2', 'rekey-period-evidence/17']) {
      const bytes = resealed(replace('evidence.json', jsonBytes({ format, members: 'of another day' })))
      const { consistent, signer, unknownFormat, problems } = verifyEvidence(bytes, { signer: key.fingerprint })
      assert.deepEqual([consistent, signer, unknownFormat, problems], [false, 'known', format, [sentence(format)]])
      assert.throws(() => evidenceReport(bytes), { code: 'EVIDENCE_INVALID', facts: { format } })
    }
  })

  it('is damaged all the same where a format was written over what was sealed', () => {
    const other = jsonBytes({ format: 'rekey-incident-evidence/2' })
    const files = unpack(sealed).map((file) => (file.name === 'evidence.json' ? { ...file, bytes: other } : file))
    const { unknownFormat, problems } = verifyEvidence(pack(files))
    assert.deepEqual([unknownFormat, problems], [undefined, ['evidence.json is not the file that was sealed']])
  })
})

describe('evidence that its own sealer made up', () => {
  it('is not looked for in reports of another release, which are what was signed', () => {
    const older = resealed(replace('report.md', bytesOf('# as it was written then\n')), { reports: reportsForm + 1 })
    const { problems, reports } = verifyEvidence(older, { signer: key.fingerprint })
    assert.deepEqual([problems, reports], [[], 'of another release'])
    assert.equal(verifyEvidence(sealed).reports, 'compared')
    const audit = resealed(replace('audit.jsonl', bytesOf('{}\n')), { reports: reportsForm + 1 })
    assert.match(problemsOf(audit), /audit.jsonl says other things/)
  })

  it('is not shown: a report is made anew of the facts, whatever form the stored one says that it has', () => {
    const lie = resealed(replace('report.md', bytesOf('# All is well\u001b[2J\n')), { reports: reportsForm + 1 }, other)
    assert.equal(verifyEvidence(lie).consistent, true)
    assert.equal(evidenceReport(lie), evidenceReport(sealed).replaceAll(key.fingerprint, other.fingerprint))
    assert.equal(evidenceReport(sealed), readEvidenceFile(sealed, 'report.md'))
  })

  it('is found where a report says other things than the facts', () => {
    for (const name of ['report.md', 'report.html', 'audit.jsonl']) {
      const bytes = resealed(replace(name, bytesOf('All is well.\n')))
      assert.match(problemsOf(bytes), new RegExp(`${name} says other things than evidence.json`))
    }
    const swapped = unpack(sealIncident(openIncident({ events: recorded }), key)).find(
      ({ name }) => name === 'report.md',
    )
    assert.match(
      problemsOf(resealed(replace('report.md', swapped?.bytes ?? bytesOf('')))),
      /report.md says other things/,
    )
  })

  it('is found where its facts are spelled in two ways, or are none', () => {
    const text = Buffer.from(unpack(sealed)[2]?.bytes ?? []).toString()
    const others = [
      text.replace('{\n', '{\n  "sealedAt": "2020-01-01T00:00:00.000Z",\n'),
      text.trimEnd(),
      `\ufeff${text}`,
      JSON.stringify(JSON.parse(text)),
      'null\n',
      '[]\n',
      '',
      text.replace('"rekey-incident-evidence/1"', '"rekey-incident-evidence/one"'),
    ]
    for (const each of others) {
      assert.match(
        problemsOf(resealed(replace('evidence.json', bytesOf(each)))),
        /not what evidence looks like/,
        each.slice(0, 60),
      )
    }
    const invalid = Buffer.concat([Buffer.from([0xff]), bytesOf(text)])
    assert.match(problemsOf(resealed(replace('evidence.json', invalid))), /not what evidence looks like/)
  })

  it('is found where it claims containment that the facts do not bear out', () => {
    const claims: [RegExp, (evidence: IncidentEvidence) => IncidentEvidence][] = [
      [/1 of 3 instances is not proved/, (evidence) => ({ ...evidence, instances: [...evidence.instances, unproved] })],
      [
        /1 verifier on the feed has not/,
        (evidence) => ({
          ...openIncident({ events: recorded }),
          instances: evidence.instances,
          verdict: { contained: true, open: [], notes: [] },
        }),
      ],
      [/the compromised key is not revoked/, (evidence) => withStep(evidence, 'revoke', 'failed')],
      [/the step prove was not done/, (evidence) => withStep(evidence, 'prove', 'failed')],
      [/the step verifiers was not done/, (evidence) => withStep(evidence, 'verifiers', 'pending')],
    ]
    for (const [problem, change] of claims) assert.match(problemsOf(claiming(change)), problem)
  })

  it('is not thought made up for a verifier whose lease is over: it accepts nothing any more', () => {
    const over = [{ id: 'billing/2', library: 'x', acceptsUntil: at(1) }]
    const revision = { epoch: 3, n: 118 }
    const change = (evidence: IncidentEvidence) => ({
      ...evidence,
      acknowledgements: { revision, acknowledged: [], missing: over },
    })
    assert.equal(problemsOf(claiming(change)), '')
  })

  it('is found where it says that the key is revoked, and its record does not', () => {
    const events = recorded.filter(({ event }) => JSON.parse(event).action !== 'keyring.revoked')
    assert.ok(events.length < recorded.length)
    assert.match(problemsOf(sealIncident(incident({ events }), key)), /its record knows of no revocation of the key/)
    const lacking = { events, incomplete: 'the chainer is down' }
    assert.equal(problemsOf(sealIncident(incident(lacking), key)), '')
  })

  it('is found under the name of another incident', () => {
    assert.match(problemsOf(resealed((files) => files, { name: 'INC-43' })), /the manifest is that of other evidence/)
    assert.match(problemsOf(resealed((files) => files, { kind: 'period' })), /the manifest is that of other evidence/)
    assert.match(problemsOf(resealed((files) => files, { sealedAt: at(99) })), /the manifest is that of other evidence/)
    const renamed = sealIncident(
      incident(
        { events: recorded },
        {
          incident: {
            ...incident({ events: [] }).incident,
            plan: { ...incident({ events: [] }).incident.plan, incident: 'INC-43' },
          },
        },
      ),
      key,
    )
    assert.match(problemsOf(renamed), /the record is that of another incident/)
    const plan = { ...incident({ events: [] }).incident.plan, kid: 'another' }
    const about = sealIncident(
      incident({ events: recorded }, { incident: { ...incident({ events: [] }).incident, plan } }),
      key,
    )
    assert.match(problemsOf(about), /about another key/)
  })

  it('is found by proofs that are changed, none, of another event, or signed by another audit', async () => {
    const [first, second, ...rest] = recorded
    if (!first || !second) throw new Error('there are none')
    const foreign: [RegExp, RecordedEvent[]][] = [
      [
        /event 1 of the record: its proof is that of another event/,
        [{ event: first.event, proof: second.proof }, second, ...rest],
      ],
      [
        /event 1 of the record: the event is not the one/,
        [{ event: first.event, proof: { ...Object(second.proof), event: first.event } }, second, ...rest],
      ],
      [/event 1 of the record: its proof is none/, [{ event: first.event, proof: 'trust me' }, second, ...rest]],
      [/event 1 of the record: /, [{ event: first.event, proof: {} }, second, ...rest]],
      [
        /event 1 of the record: /,
        [{ event: first.event, proof: { ...Object(first.proof), path: [] } }, second, ...rest],
      ],
      [/an event stands in the record twice/, [first, first, second, ...rest]],
    ]
    for (const [problem, list] of foreign)
      assert.match(problemsOf(sealIncident(incident({ events: list }), key)), problem)
    const { problems } = verifyEvidence(sealed, { auditSigner: 'ab'.repeat(32) })
    assert.match(problems.join(), /event 1 of the record: it is signed by another key/)
    assert.deepEqual(verifyEvidence(sealed, { auditSigner: auditKey.fingerprint }).problems, [])
  })

  it('cannot make the verifier fail, whatever stands in place of a member', () => {
    const evidence = JSON.parse(Buffer.from(unpack(sealed)[2]?.bytes ?? []).toString())
    const hostile: unknown[] = [null, 0, '', [], {}, [null], [[]], { toString: 1 }, 'x'.repeat(100_000)]
    for (const name of Object.keys(evidence)) {
      for (const value of hostile) {
        const bytes = resealed(replace('evidence.json', jsonBytes({ ...evidence, [name]: value })))
        assert.equal(verifyEvidence(bytes).consistent, false, name)
      }
    }
    for (const event of [
      'null',
      '[]',
      '1',
      '"',
      '{}',
      '{"seq":{}}',
      '{"seq":1,"id":"a","at":"x","action":"incident.opened","actor":"b","details":{}}',
    ]) {
      verifyEvidence(sealIncident(incident({ events: [{ event, proof: null }] }), key))
    }
  })
})

function withStep(evidence: IncidentEvidence, which: StepName, state: StepState): IncidentEvidence {
  const steps = evidence.incident.steps.map((step) => (step.name === which ? { ...step, state } : step))
  return { ...evidence, incident: { ...evidence.incident, steps } }
}
