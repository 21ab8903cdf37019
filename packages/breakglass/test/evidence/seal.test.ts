import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { strFromU8, unzipSync } from 'fflate'
import { flattenedVerify, importJWK } from 'jose'
import { makeEvidenceKey, readEvidenceKey } from '../../src/evidence/key.ts'
import { readEvidenceFile } from '../../src/evidence/open.ts'
import type { PeriodEvidence } from '../../src/evidence/period/document.ts'
import { sealIncident, sealPeriod } from '../../src/evidence/seal.ts'
import { verifyEvidence } from '../../src/evidence/verify.ts'
import type { RecordedEvent } from '../../src/providers/port.ts'
import { auditKey, proven } from './audit.ts'
import { at, events, incident, newKid, oldKid, openIncident, period } from './samples.ts'

const key = readEvidenceKey(makeEvidenceKey().pem)
const { fingerprint } = key
let recorded: RecordedEvent[]
before(async () => {
  recorded = await proven(events)
})
const record = () => ({ signer: auditKey.fingerprint, events: recorded })
const sealed = () => sealIncident(incident(record()), key)

describe('sealed evidence', () => {
  it('is consistent, by its bytes alone, and its signer is known to whoever names him', () => {
    assert.deepEqual(verifyEvidence(sealed(), { signer: fingerprint, auditSigner: auditKey.fingerprint }), {
      consistent: true,
      signer: 'known',
      fingerprint,
      problems: [],
      kind: 'incident',
      name: 'INC-42',
      sealedAt: at(5.6),
      reports: 'compared',
      proofs: { verified: events.length, waiting: 0, signers: [auditKey.fingerprint] },
    })
  })

  it('is consistent also to who does not know the signer, and tells that he does not', () => {
    const signers = [{}, { known: [] }, { signer: 'ab'.repeat(32) }, { signer: 'ab'.repeat(32), known: [fingerprint] }]
    for (const known of signers) {
      const { consistent, signer } = verifyEvidence(sealed(), known)
      assert.deepEqual({ consistent, signer }, { consistent: true, signer: 'unknown' })
    }
    assert.equal(verifyEvidence(sealed(), { known: ['ab'.repeat(32), fingerprint] }).signer, 'known')
  })

  it('is the same for the same facts and key', () => {
    assert.deepEqual(sealed(), sealed())
  })

  it('is an archive that other software reads, with a signature that other software checks', async () => {
    const files = unzipSync(sealed())
    const names = ['manifest.json', 'manifest.jws', 'evidence.json', 'report.md', 'report.html', 'audit.jsonl']
    assert.deepEqual(Object.keys(files), names)
    const [header = '', payload, signature = ''] = strFromU8(files['manifest.jws'] ?? new Uint8Array()).split('.')
    assert.equal(payload, '')
    const jwk = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: key.publicKey }, 'EdDSA')
    const manifest = Buffer.from(files['manifest.json'] ?? [])
    const jws = { protected: header, payload: manifest.toString('base64url'), signature }
    assert.equal((await flattenedVerify(jws, jwk)).protectedHeader?.kid, fingerprint)
    await assert.rejects(flattenedVerify({ ...jws, payload: Buffer.from('{}').toString('base64url') }, jwk))
  })

  it('has the events with their proofs, one a line', () => {
    const lines = readEvidenceFile(sealed(), 'audit.jsonl').trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      recorded,
    )
  })

  it('holds no token, key or password, wherever somebody put one', () => {
    const jwt = 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ'
    const secret = `sk_live_${'a'.repeat(64)}`
    const whole = incident(record())
    const [instance] = whole.instances
    if (!instance) throw new Error('there is none')
    whole.instances = [
      { ...instance, problems: [`It said: Bearer ${jwt}`], url: 'http://ops:hunter2hunter2@api.example.com' },
    ]
    whole.incident.plan.reason = `leaked: ${secret}`
    whole.incident.timeline.push({
      at: at(1),
      what: 'note',
      by: 'ana',
      details: { token: 'opaque-and-short', note: jwt },
    })
    const bytes = sealIncident(whole, key)
    for (const leaked of [jwt, 'a'.repeat(64), 'hunter2hunter2', 'opaque-and-short']) {
      assert.equal(Buffer.from(bytes).includes(leaked), false, leaked)
    }
    assert.deepEqual(verifyEvidence(bytes).problems, [])
  })

  it('says what waits for its place in the audit, and is consistent without those proofs', () => {
    const waiting = {
      id: 'e9',
      at: at(3),
      action: 'incident.step',
      actor: 'ana',
      agentId: null,
      details: { incident: 'INC-42' },
    }
    const events = [...recorded, { event: JSON.stringify(waiting) }]
    const bytes = sealIncident(incident({ ...record(), events, incomplete: '1 event has no place yet' }), key)
    const { consistent, proofs } = verifyEvidence(bytes)
    assert.deepEqual([consistent, proofs.verified, proofs.waiting], [true, recorded.length, 1])
    assert.match(readEvidenceFile(bytes, 'report.md'), /1 event has no place yet/)
    assert.match(
      readEvidenceFile(bytes, 'report.md'),
      /`incident.step` \| ana|`incident.step` \| `ana` \| \*\*\? waits for its place/,
    )
  })

  it('is made where the provider has no record, no feed and cannot freeze', () => {
    const whole = incident(record(), { record: { unavailable: 'its commands keep none' }, acknowledgements: null })
    whole.changes = { unavailable: 'there is no command for it' }
    const freeze = whole.incident.steps.find(({ name }) => name === 'freeze')
    if (freeze) freeze.result = { unavailable: 'there is no command for it' }
    whole.incident.frozen = false
    delete whole.incident.frozenAt
    const bytes = sealIncident(whole, key)
    assert.deepEqual(verifyEvidence(bytes).problems, [])
    const report = readEvidenceFile(bytes, 'report.md')
    for (const told of [
      'not frozen: there is no command for it',
      'There is none: its commands keep none',
      'has no feed',
    ]) {
      assert.ok(report.includes(told), told)
    }
  })

  it('is refused where a member is missing, with the path to it', () => {
    const { instances: _none, ...rest } = incident(record())
    const path = (code: unknown) => (code as { facts: { path: string } }).facts.path
    assert.throws(
      () => sealIncident(rest as ReturnType<typeof incident>, key),
      (error: { code: string }) => error.code === 'EVIDENCE_INVALID' && path(error) === 'instances',
    )
  })

  it('of an incident that is not contained says so, and is consistent', () => {
    const bytes = sealIncident(openIncident(record()), key)
    assert.deepEqual(verifyEvidence(bytes).problems, [])
    assert.match(readEvidenceFile(bytes, 'report.md'), /\*\*✗ Not contained\*\*/)
  })
})

describe('sealed evidence of a period', () => {
  const sealedPeriod = () => sealPeriod(period(record()), key)

  it('is consistent, and tells each rotation, revocation and exception with who did it', () => {
    const { consistent, kind, name } = verifyEvidence(sealedPeriod())
    assert.deepEqual(
      [consistent, kind, name],
      [true, 'period', 'CC9.2 2020-01-01T00:00:00.000Z/2100-01-01T00:00:00.000Z'],
    )
    const { rotations, revocations, exceptions }: PeriodEvidence = JSON.parse(
      readEvidenceFile(sealedPeriod(), 'evidence.json'),
    )
    const by = events[0]?.actor
    const idAt = (index: number) => JSON.parse(recorded[index]?.event ?? '').id
    assert.deepEqual(
      rotations.map(({ at: _at, ...rest }) => rest),
      [{ kind: 'signing', what: 'signing-es256', from: oldKid, to: newKid, by, event: idAt(2) }],
    )
    assert.deepEqual(
      revocations.map(({ at: _at, ...rest }) => rest),
      [
        {
          what: 'version revoked',
          about: 'signing-es256',
          version: oldKid,
          by,
          reason: 'compromised',
          incident: 'INC-42',
          event: idAt(3),
        },
      ],
    )
    assert.deepEqual(
      exceptions.map(({ what }) => what.split(':')[0]),
      ['incident opened', 'administration frozen', 'rotation forced'],
    )
  })

  it('says what it could not read, and then that it is not complete', () => {
    const bytes = sealPeriod(period(record(), { missing: ['3 events are without their proofs'] }), key)
    assert.match(readEvidenceFile(bytes, 'report.md'), /not complete[\s\S]*- 3 events are without their proofs/)
  })
})
