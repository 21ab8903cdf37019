import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Count, type Phase, phases } from '../../src/load/tally.ts'
import type { Report } from '../../src/report/report.ts'
import { reportText } from '../../src/report/text.ts'

const counts = (over: Partial<Record<Phase, Partial<Count>>> = {}) => {
  const none = { requests: 12_345, failures: 0, revoked: 0, causes: {} }
  const all = Object.keys(phases).map((phase) => [phase, { ...none, ...over[phase as Phase] }])
  return Object.fromEntries(all) as Report['targets'][number]['phases']
}

const report = (over: Partial<Report> = {}): Report => ({
  anonymousPropagationMs: 70_000,
  targets: [
    {
      name: 'feed',
      label: '@rekey/verifier, trustFeed',
      phases: counts({ naive: { failures: 1_234, causes: { '401 key_revoked': 1_234 } }, revocation: { revoked: 3 } }),
      revokedKey: { worked: true, acceptedForMs: 43 },
    },
    { name: 'jose', label: 'jose', phases: counts(), revokedKey: { worked: true, acceptedForMs: null } },
    { name: 'idp-1', label: 'token endpoint 1', phases: counts() },
  ],
  gates: [
    {
      phase: 'first',
      waits: [
        {
          before: 'the new key signs',
          waitedMs: 62_040,
          for: ['verifier feed/6f9619ff-8b86-d011-b42d-00c04fc964ff', 'anonymous readers'],
        },
        { before: 'the old one is out of use', waitedMs: 12, for: [] },
        { before: 'the old one is dropped', waitedMs: 65_400, for: ['tokens signed by rs256-20261121-4c4257a67c5d'] },
      ],
    },
  ],
  revocation: { confirmedAfterMs: 40.4, watchMs: 120_000 },
  plannedFailures: 0,
  ...over,
})

describe('the text of the report', () => {
  const text = reportText(report())

  it('can be read in 100 columns', () => {
    assert.deepEqual(
      text.filter((line) => line.length > 100),
      [],
    )
  })

  it('tells failures and requests of each target by phase', () => {
    const line = text.find((candidate) => candidate.includes('trustFeed')) ?? ''
    assert.match(line, /0 \/ 12,345 +0 \/ 12,345 +0 \/ 12,345 +1,234 \/ 12,345 +0 \/ 12,345$/)
  })

  it('tells why requests failed, and which had to', () => {
    const all = text.join('\n')
    assert.match(all, /naive, @rekey\/verifier, trustFeed: 1,234 × 401 key_revoked/)
    assert.match(all, /revocation, .*: 3 × refused with the revoked key/)
  })

  it('tells what each gate waited for', () => {
    assert.match(text.join('\n'), /1st rotation +the new key signs +62\.0 s +verifier feed\/6f9619ff, anonymous/)
    assert.match(text.join('\n'), /the old one is out of use +0\.01 s +nobody for long/)
  })

  it('tells how long the revoked key lived, for the APIs alone', () => {
    const survival = text.slice(text.findIndex((line) => line.includes('stolen')))
    assert.match(survival.join('\n'), /trustFeed +0\.04 s\n +jose +> 2 min\n\n/)
  })

  it('does not praise an API at which the thief never got in', () => {
    const [feed, ...others] = report().targets
    assert.ok(feed)
    const targets = [{ ...feed, revokedKey: { worked: false, acceptedForMs: 10 } }, ...others]
    assert.match(reportText(report({ targets })).join('\n'), /trustFeed +not seen accepting it before/)
  })

  it('says plainly when a planned phase failed', () => {
    assert.match(text.at(-1) ?? '', /no request failed/)
    assert.match(reportText(report({ plannedFailures: 2 })).at(-1) ?? '', /2 requests failed/)
  })
})
