/**
 * Writes one archive of each kind, as this release seals it, unless it is there: `node make.ts`. Each is named by its format, and
 * never made anew: every release has to go on verifying it. A new format gets archives of its own beside these. One more holds,
 * too, but its reports lie.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { pack, unpack } from '../../../src/evidence/archive.ts'
import { makeEvidenceKey, readEvidenceKey } from '../../../src/evidence/key.ts'
import { manifestNames, signedManifest } from '../../../src/evidence/manifest.ts'
import { periodActions } from '../../../src/evidence/period/findings.ts'
import { sealIncident, sealPeriod } from '../../../src/evidence/seal.ts'
import { auditKey, bffAuditKey, proven } from '../audit.ts'
import { at, estatePeriod, events, incident, newKid, oldKid, openIncident, period } from '../samples.ts'

/** Every action that a finding is drawn from, and two of them again: a rotation that was asked for, and a first key. */
const periodEvents = [
  ...periodActions.map((action) => ({ action, ...of(action) })),
  { action: 'keyring.activated', ...of('keyring.activated', { forced: false }) },
  { action: 'keyring.activated', ...of('keyring.activated', { replaces: undefined, requestedBy: undefined }) },
]

function of(action: string, more: object = {}) {
  const versions = { version: newKid, replaces: oldKid, reason: 'a drill', requestedBy: 'ana', forced: true }
  const details: Record<string, object> = {
    credential: { credentialId: 'f7a4', ...versions },
    incident: { incident: 'INC-42', kid: oldKid, operator: 'ana', reason: 'found in a public repository' },
  }
  const [subject = ''] = action.split('.')
  return {
    outcome: 'success' as const,
    actor: 'operator',
    details: { ...(details[subject] ?? { keyring: 'signing-es256', ...versions }), ...more },
  }
}

/** Sealed anew by nobody in particular, with reports that say what he likes, in a form that no release will ever have. */
function lying(sealed: Uint8Array): Uint8Array {
  const lie = Buffer.from('# All is well\u001b]0;all is well\u0007\u001b[2J\n')
  const files = unpack(sealed)
    .slice(manifestNames.length)
    .map((file) => (file.name.startsWith('report.') ? { ...file, bytes: lie } : file))
  const about = { kind: 'incident', name: 'INC-42', sealedAt: at(5.6), reports: 1_000_000 } as const
  return pack([...signedManifest(about, files, readEvidenceKey(makeEvidenceKey().pem)), ...files])
}

/** The backend's audit is signed by another key. */
async function wholeEstate(signer: string) {
  const record = { signer, events: await proven(periodEvents) }
  const rotated = { keyring: 'session', version: 's-2', replaces: 's-1' }
  const ofBff = [{ action: 'keyring.activated', outcome: 'success', actor: 'rekey', details: rotated } as const]
  const bff = { signer: bffAuditKey.fingerprint, events: await proven(ofBff, bffAuditKey) }
  return estatePeriod(record, bff, new Date().toISOString())
}

/** The archives by their files' names. */
export async function archives(): Promise<Record<string, Uint8Array>> {
  const key = readEvidenceKey(makeEvidenceKey().pem)
  const signer = auditKey.fingerprint
  const ofIncident = { signer, events: await proven(events) }
  return {
    'incident-1-contained.zip': sealIncident(incident(ofIncident), key),
    'incident-1-open.zip': sealIncident(openIncident(ofIncident), key),
    'lying-reports.zip': lying(sealIncident(incident(ofIncident), key)),
    'period-1.zip': sealPeriod(period({ signer, events: await proven(periodEvents) }), key),
    'period-2.zip': sealPeriod(await wholeEstate(signer), key),
  }
}

if (import.meta.main) {
  for (const [name, bytes] of Object.entries(await archives())) {
    const file = new URL(name, import.meta.url)
    if (!existsSync(file)) writeFileSync(file, bytes)
  }
}
