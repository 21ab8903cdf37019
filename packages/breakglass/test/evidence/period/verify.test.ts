import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ArchivedFile, unpack } from '../../../src/evidence/archive.ts'
import { jsonBytes } from '../../../src/evidence/json.ts'
import { makeEvidenceKey, readEvidenceKey } from '../../../src/evidence/key.ts'
import type { EstateFacts, PeriodEvidence, PeriodFacts } from '../../../src/evidence/period/document.ts'
import { sealPeriod } from '../../../src/evidence/seal.ts'
import { verifyEvidence } from '../../../src/evidence/verify.ts'
import { nameOf, reportsForm, viewsOf } from '../../../src/evidence/views.ts'
import type { RecordedEvent } from '../../../src/providers/port.ts'
import { proven } from '../audit.ts'
import { at, estatePeriod, events, newKid, oldKid, period } from '../samples.ts'
import { signed } from '../signed.ts'

const key = readEvidenceKey(makeEvidenceKey().pem)

/** What is sealed, with members of it replaced, the reports that these have, and a signature that fits. */
function liesOf(honest: PeriodEvidence) {
  return (change: object) => {
    const evidence = { ...honest, ...change }
    return problemsOf(evidence, [...viewsOf(evidence, key.fingerprint)], nameOf(evidence))
  }
}

function problemsOf(evidence: PeriodEvidence, views: readonly ArchivedFile[], name: string): string {
  const about = { kind: 'period', name, sealedAt: evidence.sealedAt, reports: reportsForm } as const
  const bytes = signed([{ name: 'evidence.json', bytes: jsonBytes(evidence) }, ...views], about, key)
  return verifyEvidence(bytes, { signer: key.fingerprint }).problems.join('; ')
}

function sealedOf(facts: PeriodFacts): { honest: PeriodEvidence; views: ArchivedFile[] } {
  const [, , evidence, ...views] = unpack(sealPeriod(facts, key))
  return { honest: JSON.parse(Buffer.from(evidence?.bytes ?? []).toString()), views }
}

describe('evidence of a period that its own sealer made up', () => {
  it('is found where its lists are not what its record tells', async () => {
    const { honest } = sealedOf(period({ events: await proven(events) }))
    const lying = liesOf(honest)
    assert.equal(lying({}), '')
    const twice = [...honest.rotations, ...honest.rotations]
    for (const change of [{ rotations: [] }, { exceptions: [] }, { revocations: [] }, { rotations: twice }]) {
      assert.match(lying(change), /not those that its record tells of/)
    }
    const earlier = { from: '2020-01-01T00:00:00.000Z', to: '2021-01-01T00:00:00.000Z' }
    assert.match(lying({ period: earlier }), /outside the period/)
  })

  describe('with a coverage', () => {
    const day = at(0).slice(0, 10)
    const record = { events: [activated('signing-es256', `${day}T12:00:01.000Z`)] }
    const { honest, views } = sealedOf(estatePeriod(record, { events: [activated('session', at(0))] }))
    const lying = liesOf(honest)
    const { coverage, estate } = honest
    if (!coverage || !estate) throw new Error('it has none')

    it('says of which secrets it knows no rotations where the audit of the backend is not in it', () => {
      const facts = estatePeriod(record, { events: [] })
      const unread = sealedOf({ ...facts, estate: { ...(facts.estate as EstateFacts), bff: null } })
      const [report, whole] = [unread.views, views].map((files) => Buffer.from(files[0]?.bytes ?? []).toString())
      const sentence = /audit of the backend for frontend is not in this evidence: 1 secret .* is judged by/
      assert.deepEqual(
        [problemsOf(unread.honest, unread.views, nameOf(unread.honest)), unread.honest.backend],
        ['', null],
      )
      assert.match(report ?? '', sentence)
      assert.doesNotMatch(whole ?? '', sentence)
    })

    it('is found where that does not follow from its inventory and its records', () => {
      assert.equal(lying({}), '')
      assert.deepEqual([coverage.total.overdue, coverage.total.unmanaged], [3, 1])
      const [late, ...rest] = coverage.secrets
      for (const change of [
        { coverage: { ...coverage, total: { ...coverage.total, withinPercent: 100 } } },
        { coverage: { ...coverage, secrets: [{ ...late, status: 'within', overdueMs: 0 }, ...rest] } },
        { coverage: { ...coverage, classes: [] } },
        { estate: { ...estate, inventory: estate.inventory.slice(1) } },
        { coverage: { secrets: [null], classes: [null], total: null } },
      ]) {
        assert.match(lying(change), /its coverage does not follow from its inventory and its record/)
      }
    })

    it('is found where it says other things of the backend, or has events from another time', () => {
      assert.match(lying({ backend: null }), /what it says of the backend for frontend/)
      const misplaced = { ...estate, before: { ...estate.before, events: record.events } }
      assert.match(lying({ estate: misplaced }), /record of what was before has events from another time/)
    })

    it('is found where what it read of the estate is none', () => {
      for (const value of [null, 0, [], {}, { ...estate, inventory: [null] }, { ...estate, metrics: [{}] }]) {
        const evidence = { ...honest, estate: value as EstateFacts }
        assert.match(
          problemsOf(evidence, views, nameOf(honest)),
          /evidence\.json is not what evidence looks like: estate/,
        )
      }
    })
  })
})

/** An event that a provider recorded, and that nobody proved. */
function activated(keyring: string, moment: string): RecordedEvent {
  const details = { keyring, version: newKid, replaces: oldKid }
  const event = { seq: 7, id: `of-${keyring}`, at: moment, action: 'keyring.activated', actor: 'rekey', details }
  return { event: JSON.stringify(event) }
}
