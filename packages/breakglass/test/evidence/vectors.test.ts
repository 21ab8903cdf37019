import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { evidenceReport, openArchive, readEvidenceFile } from '../../src/evidence/open.ts'
import type { PeriodEvidence } from '../../src/evidence/period/document.ts'
import { verifyEvidence } from '../../src/evidence/verify.ts'
import { reportsForm } from '../../src/evidence/views.ts'
import { auditKey } from './audit.ts'
import { archives } from './vectors/make.ts'

const folder = new URL('./vectors/', import.meta.url)
const vector = (name: string) => readFileSync(new URL(name, folder))

/** An archive that is made anew has another signer, and is none of old any more. */
const signer = '316d593429af3551a698f9f3d09e54e1e5e2714489bb5188ce18ee6a47f05b7b'
const signers: Readonly<Record<string, string>> = {
  'incident-1-contained.zip': signer,
  'incident-1-open.zip': signer,
  'period-1.zip': signer,
  'period-2.zip': '34494519a1a16cfe7c6a9452864288263eff54330a2d1e0443f9a876e12ce348',
}
const names = Object.keys(signers)

describe('evidence that was sealed years ago', () => {
  for (const name of names) {
    it(`holds as on its first day: ${name}`, () => {
      const bytes = vector(name)
      const { proofs, ...verdict } = verifyEvidence(bytes, {
        signer: signers[name] ?? '',
        auditSigner: auditKey.fingerprint,
      })
      assert.deepEqual([verdict.problems, verdict.consistent, verdict.signer], [[], true, 'known'])
      assert.equal(name.startsWith(`${verdict.kind}-`), true)
      assert.ok(proofs.verified >= 5 && proofs.waiting === 0)
      const isOfThisForm = openArchive(bytes).manifest.reports === reportsForm
      assert.equal(verdict.reports, isOfThisForm ? 'compared' : 'of another release')
      assert.match(evidenceReport(bytes), /^# (?:Incident INC-42|Control CC9\.2): /)
    })
  }

  it('of an incident tells whether that was contained', () => {
    assert.match(evidenceReport(vector('incident-1-contained.zip')), /> \*\*✓ Contained\*\*/)
    assert.match(evidenceReport(vector('incident-1-open.zip')), /> \*\*✗ Not contained\*\*/)
  })

  it('of a period has something of each kind that is drawn from its record', () => {
    const evidence: PeriodEvidence = JSON.parse(readEvidenceFile(vector('period-1.zip'), 'evidence.json'))
    assert.deepEqual([...new Set(evidence.rotations.map(({ kind }) => kind))].sort(), ['client', 'signing'])
    assert.equal(new Set(evidence.revocations.map(({ what }) => what)).size, 2)
    assert.equal(new Set(evidence.exceptions.map(({ what }) => what)).size, 9)
  })

  it('holds whatever reports are in it that nobody can compare any more, and shows none of them', () => {
    const { consistent, signer: by, reports } = verifyEvidence(vector('lying-reports.zip'), { signer })
    assert.deepEqual([consistent, by, reports], [true, 'unknown', 'of another release'])
    assert.match(readEvidenceFile(vector('lying-reports.zip'), 'report.md'), /^# All is well/)
    assert.match(evidenceReport(vector('lying-reports.zip')), /^# Incident INC-42: /)
  })

  it('is kept of each kind that there is', async () => {
    const kept = readdirSync(folder).filter((name) => name.endsWith('.zip'))
    assert.deepEqual(kept.sort(), [...names, 'lying-reports.zip'].sort())
    const made = Object.entries(await archives())
    for (const [name, bytes] of made) {
      assert.ok(kept.includes(name), name)
      assert.deepEqual(verifyEvidence(bytes).problems, [])
    }
  })
})
