import assert from 'node:assert/strict'
import { test } from 'node:test'
import { incidentReport } from '../../src/break-glass/report.ts'
import { timeOfDay } from '../../src/terminal/moment.ts'
import { before } from '../keyring.ts'
import { allDone, done, plan, record } from './record.ts'

const signer = 'a'.repeat(64)

function reportOf(kept: string): string {
  const sealed = { kept, signer, sha256: 'b'.repeat(64) }
  const changes = { since: '', until: '', changes: [{}], truncated: false, note: '' }
  const incident = record({ ...allDone(), changes: done(changes), evidence: done(sealed) })
  return incidentReport({ record: incident, contained: true, instances: [], open: [], notes: [], evidence: kept })
}

test('evidence in a file is read and verified where it is', () => {
  const report = reportOf('/srv/ada/evidence/INC-42.zip')
  assert.ok(report.includes('rekey evidence show /srv/ada/evidence/INC-42.zip\n'), report)
  assert.ok(report.includes(`rekey evidence verify /srv/ada/evidence/INC-42.zip --signer ${signer}\n`), report)
  assert.doesNotMatch(report, /curl/)
})

test('evidence that an instance of the IdP keeps is downloaded before it is read and verified', () => {
  const url = 'https://login.example/api/v1/incidents/INC-42/evidence'
  const report = reportOf(url)
  assert.ok(report.includes(`curl -sS -H "Authorization: Bearer $TOKEN" -o INC-42.zip ${url}\n`), report)
  assert.ok(report.includes('rekey evidence show INC-42.zip\n'), report)
  assert.ok(report.includes(`rekey evidence verify INC-42.zip --signer ${signer}\n`), report)
  assert.doesNotMatch(report, /rekey evidence \w+ http/)
})

test('the commands can be copied, whatever the file or the address is called', () => {
  const report = reportOf("/srv/Ada's evidence/INC-42.zip")
  const file = "'/srv/Ada'\\''s evidence/INC-42.zip'"
  assert.ok(report.includes(`rekey evidence show ${file}\n`), report)
  assert.ok(report.includes(`rekey evidence verify ${file} --signer ${signer}\n`), report)
  const url = 'https://login.example/$(id)/evidence'
  assert.ok(reportOf(url).includes(` -o INC-42.zip '${url}'\n`))
})

function reportOfRecord(incident: ReturnType<typeof record>): string {
  return incidentReport({ record: incident, contained: false, instances: [], open: [], notes: [] })
}

test('the key is revoked since its own revocation, and before that is confirmed nothing is said to be sure', () => {
  const revoked = [
    { keyring: 'signing-rs256', kid: 'rs256-old', revokedAt: before(50_000) },
    { keyring: 'signing-es256', kid: 'es256-old', revokedAt: before(40_000) },
  ]
  const of = (revoke: ReturnType<typeof done>) => /^Key +(.*)$/m.exec(reportOfRecord(record({ revoke })))?.[1]
  assert.equal(of(done({ revoked, keys: [] })), `es256-old, revoked at ${timeOfDay(before(40_000))}`)
  assert.equal(of(done({ revoked: [], keys: [] })), 'es256-old, out of use already')
  assert.equal(of({ state: 'running' }), 'es256-old, not confirmed yet to be revoked')
})

test('that the store was suspected is said, and for how long fresh tokens may have waited for that', () => {
  const times = { activatedAt: before(1), everywhereAt: before(0) }
  const promote = done({ successors: [{ keyring: 'r', kid: 'es256-new', ...times }], windowMs: 1_900, keys: [] })
  const key = { keyring: 'signing-es256', revokedAt: before(0) }
  const revoke = done({ revoked: ['es256-old', 'es256-standby'].map((kid) => ({ ...key, kid })), keys: [] })
  const report = reportOfRecord(record({ promote, revoke }, { plan: { ...plan, suspectStore: true } }))
  assert.match(report, /^Store +suspected to have leaked; 2 keys were revoked in all$/m)
  assert.match(report, /^Successor +es256-new; fresh tokens may have waited 1900 ms for trust$/m)
  assert.doesNotMatch(reportOfRecord(record()), /^Store/m)
})

test('what a provider does not do is told as what it is, not as a step', () => {
  const unavailable = done({ unavailable: 'there is no command endSessions' })
  const report = reportOfRecord(record({ sessions: unavailable, changes: unavailable }))
  assert.match(report, /^Sessions +NOT ended: there is no command endSessions$/m)
  assert.match(report, /^Changes +NOT known: there is no command endSessions$/m)
})
